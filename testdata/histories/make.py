#!/usr/bin/env python3
"""Writes the histories beside it: run folders and records with a known answer. Run it again after changing it."""
import json
import os
import random
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS = 14
START = 1_772_618_400  # 2026-03-04 10:00:00 UTC


def stamp(seconds):
    day, rest = divmod(int(seconds) - START + 36_000, 86_400)
    return f"2026-03-{4 + day:02} {rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def iterations(rng, start, step, total=STEPS, steps=STEPS, micro=True, memory=61_000.0):
    """Megatron's lines of the last rank."""
    lines = []
    for i in range(1, steps + 1):
        ms = step * 1000 * (4.5 if i == 1 else 1.0) * (1 + rng.gauss(0, 0.002))
        start += ms / 1000
        when = stamp(start) + (".123456" if micro else "")
        lines.append(
            f" [{when}] iteration {i:8}/{total:8} | consumed samples: {128 * i:12} | elapsed time per iteration (ms): {ms:.1f} | "
            f"throughput per GPU (TFLOP/s/GPU): {2600 / step:.1f} | learning rate: 1.500000E-05 | global batch size:   128 | "
            f"lm loss: {12.4 - 0.1 * i:.6E} | loss scale: 1.0 | grad norm: 2.318 | number of skipped iterations:   0 | number of nan iterations:   0 |")
        if i == 2:
            lines.append(f"[Rank 0] (after 2 iterations) memory (MB) | allocated: 40321.13 | max allocated: {memory:.2f} | reserved: 64012.00 | max reserved: 66120.00")
    return "\n".join(lines) + "\n"


def arguments(settings):
    lines = ["------------------------ arguments ------------------------"]
    lines += [f"  {name} {'.' * (47 - len(name))} {value}" for name, value in sorted(settings.items())]
    return "\n".join(lines + ["-------------------- end of arguments ---------------------"]) + "\n"


def megatron_lm():
    """Printed arguments, one log a run; slower by 7 % from run-8 on, where the flex dispatcher came; run-6 stops early, run-3 can't import."""
    rng = random.Random(1)
    base = dict(num_layers=4, num_experts=64, moe_router_topk=6, moe_token_dispatcher_type="alltoall", moe_flex_dispatcher_backend="deepep",
                expert_model_parallel_size=8, log_interval=1, moe_permute_fusion=False, params_dtype="torch.bfloat16")
    for run in range(1, 15):
        settings = dict(base, save=f"/ckpt/run-{run}")
        if run >= 5:
            settings["moe_permute_fusion"] = True
        if run >= 8:
            settings.update(moe_token_dispatcher_type="flex", log_interval=2)
        if run >= 12:
            settings["moe_router_topk"] = 8
        step = (9.0 if run < 8 else 9.63) * (1 + rng.gauss(0, 0.004))
        start = START + 3600 * run
        head = "using world size: 16, data-parallel size: 2\n" + arguments(settings)
        if run == 3:
            text = head + "3: Traceback (most recent call last):\n3:   File \"/opt/train.py\", line 12, in <module>\n3:     from deep_ep import Buffer\n3: ModuleNotFoundError: No module named 'deep_ep'\n"
        elif run == 6:
            text = head + iterations(rng, start, step, steps=4)
        else:
            text = head + iterations(rng, start, step) + f"[after training is done] datetime: {stamp(start + 200)} \n"
        write(f"{HERE}/megatron-lm-slower/run-{run}/slurm-{4000 + run}.out", text)


def container(**model):
    settings = dict(expert_model_parallel_size=8, moe_deepep_num_sms=20, moe_flex_dispatcher_backend=None, moe_permute_fusion=True, moe_router_topk=8,
                    moe_shared_expert_overlap=False, moe_token_dispatcher_type="alltoall", num_layers=4, num_moe_experts=64)
    settings.update(model)
    out = "_target_: megatron.bridge.training.config.ConfigContainer\nmixed_precision: bf16_mixed\nmodel:\n  _target_: megatron.bridge.models.gpt_provider.GPTModelProvider\n"
    for name, value in sorted(settings.items()):
        out += f"  {name}: {json.dumps(value)}\n".replace('"', "")
    return out


WATCHDOG = ("[rank8]:[E304 10:32:11.73 ProcessGroupNCCL.cpp:616] [Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=8123, "
            "OpType=ALLTOALL_BASE, Timeout(ms)=600000) ran for 600012 milliseconds before timing out.\n")


def bridge(name, runs, config, step, outcome):
    """Rank 0 and the last rank in files of their own, a config container a run."""
    rng = random.Random(name)
    for run in range(1, runs + 1):
        folder = f"{HERE}/{name}/2026-03-{run:02}"
        start = START + 86_400 * (run - 4)
        ended = outcome(run)
        steps = STEPS if ended == "finished" else 6
        seconds = step(run) * (1 + rng.gauss(0, 0.004))
        rank0 = "".join(f"Step Time : {seconds:.2f}s GPU utilization: {2600 / seconds:.1f}MODEL_TFLOP/s/GPU\n" for _ in range(steps))
        last = iterations(rng, start, seconds, steps=steps, micro=False)
        write(f"{folder}/logs/rank0.log", rank0)
        write(f"{folder}/logs/rank15.log", last + ("" if ended == "finished" else WATCHDOG))
        write(f"{folder}/ConfigContainer.yaml", container(**config(run)))


def bridge_hangs():
    """Hangs in most runs from the 9th on, where HybridEP came; one flake before."""
    def config(run):
        model = dict(moe_token_dispatcher_type="flex", moe_flex_dispatcher_backend="deepep")
        if run >= 5:
            model["moe_permute_fusion"] = False
        if run >= 9:
            model.update(moe_flex_dispatcher_backend="hybridep")
        return model
    bridge("bridge-hangs", 16, config, lambda run: 9.0, lambda run: "hang" if run == 4 or (run >= 9 and run != 12) else "finished")


def bridge_fresh():
    """The newest three runs are slower by 8 %: expert parallelism left the node."""
    def config(run):
        return dict(expert_model_parallel_size=16) if run >= 14 else dict(moe_router_topk=6) if run < 6 else {}
    bridge("bridge-fresh", 16, config, lambda run: 9.72 if run >= 14 else 9.0, lambda run: "finished")


def records():
    """No shift, configs in the records; and a table with the places of its config changes beside it."""
    rng = random.Random(3)
    with open(f"{HERE}/steady.jsonl", "w") as file:
        for i in range(40):
            config = dict(moe_token_dispatcher_type="alltoall" if i < 20 else "flex", moe_router_topk=6 if i < 30 else 8)
            line = dict(run=f"r{i}", time=f"2026-02-{1 + i // 2:02}T{12 * (i % 2):02}:00:00Z", commit=f"{i:07x}", config=config,
                        metrics=dict(step_time=round(9 * (1 + rng.gauss(0, 0.01)), 4), peak_memory=61.0), outcome="finished")
            file.write(json.dumps(line) + "\n")
    with open(f"{HERE}/table.csv", "w") as file:
        file.write("time,commit,step_ms\n")
        for i in range(60):
            file.write(f"{START + 3600 * i},c{i:04},{(900 if i < 33 else 963) * (1 + rng.gauss(0, 0.01)):.3f}\n")
    with open(f"{HERE}/table.json", "w") as file:
        json.dump(dict(config_changes=[7, 20, 33, 51]), file)
        file.write("\n")


if __name__ == "__main__":
    for name in ("megatron-lm-slower", "bridge-hangs", "bridge-fresh"):
        shutil.rmtree(f"{HERE}/{name}", ignore_errors=True)
    megatron_lm()
    bridge_hangs()
    bridge_fresh()
    records()
