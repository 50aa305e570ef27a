#!/usr/bin/env python3
"""Change points in synthetic histories, found by the program itself: `moelint bisect runs FILE.jsonl --format json`.

usage: run_histories.py [--program PATH] [--simulator DIR] [--gate f1|false|fresh|all] [--quick]

The histories are those of `changepoint_sim.py` in DIR (make(): shifts planted at config changes, AR(1) noise, spikes).
Each becomes JSON Lines in which the runs at config changes name a changed key. Exit status 1 if a gate is missed.
"""
import argparse
import concurrent.futures
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def load(folder):
    spec = importlib.util.spec_from_file_location("changepoint_sim", os.path.join(folder, "changepoint_sim.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def found(program, values, config):
    """Indices of the shifts, at config changes and elsewhere, and the seconds it took."""
    config = set(config)
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        for i, value in enumerate(values):
            changed = ["moe_flex_dispatcher_num_sms"] if i in config else []
            line = {"run": f"r{i:04}", "commit": f"c{i:04}", "step_time": float(value), "changed": changed}
            file.write(json.dumps(line) + "\n")
        file.flush()
        command = [program, "bisect", "runs", file.name, "--format", "json", "--isolated"]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        seconds = time.perf_counter() - start
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    report = json.loads(done.stdout)
    return [shift["index"] for shift in report["series"][0]["shifts"]], seconds, report["status"]


def score(found, truth, tolerance):
    left, hits = list(found), 0
    for index in truth:
        near = [one for one in left if abs(one - index) <= tolerance]
        if near:
            left.remove(min(near, key=lambda one: abs(one - index)))
            hits += 1
    return hits, len(found) - hits, len(truth) - hits


def cell(program, sim, seeds, **world):
    def one(seed):
        values, truth, config = sim.make(seed, **world)
        indices, seconds, status = found(program, values, config)
        return indices, truth, seconds, status

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, seeds))


def f1(results, tolerance):
    hits, extra, missed = (sum(part) for part in zip(*(score(one[0], one[1], tolerance) for one in results)))
    precision = hits / (hits + extra) if hits + extra else 1.0
    recall = hits / (hits + missed) if hits + missed else 1.0
    return (2 * precision * recall / (precision + recall) if precision + recall else 0.0), precision, recall


def gate_f1(args, sim, part):
    missed = []
    for ar, outlier in ((0.3, 0.03), (0.0, 0.0)):
        results = cell(args.program, sim, range(60 // part), shift=0.05, cv=0.02, ar=ar, outlier=outlier)
        scores = {tolerance: f1(results, tolerance) for tolerance in (0, 2, 5)}
        seconds = sum(one[2] for one in results) / len(results)
        print(f"f1     5% at cv 2%, ar {ar}, spikes {outlier:.0%}: ±0 {scores[0][0]:.3f}  ±2 {scores[2][0]:.3f}  ±5 {scores[5][0]:.3f} "
              f"(P {scores[5][1]:.3f}, R {scores[5][2]:.3f}); {1000 * seconds:.0f} ms a series", flush=True)
        if scores[5][0] < 0.96:
            missed.append(f"f1 with ar {ar}, spikes {outlier}")
    return missed


def gate_false(args, sim, part):
    loud = series = 0
    for cv in (0.01, 0.02, 0.03, 0.05):
        for ar, outlier in ((0.0, 0.0), (0.3, 0.0), (0.0, 0.03), (0.3, 0.03)):
            results = cell(args.program, sim, range(200 // part), shift=0.05, cv=cv, k=0, ar=ar, outlier=outlier)
            alarms = sum(len(one[0]) for one in results)
            loud, series = loud + sum(bool(one[0]) for one in results), series + len(results)
            none, code = (sum(one[3] == status for one in results) for status in ("none", "code"))
            print(f"false  cv {cv:.0%}, ar {ar}, spikes {outlier:.0%}: {alarms} alarms in {len(results)} series, {code} of them at no config change; {none} say none", flush=True)
    print(f"false  all: {loud} of {series} series have an alarm = {loud / series:.4f}", flush=True)
    # each of the two lists is tested at 1.5 % a series; what is measured has to stay well below their sum
    return ["false alarms"] if loud / series > 0.015 else []


def gate_fresh(args, sim, part):
    missed = []
    for shift, cv, runs in ((0.05, 0.02, 3), (0.05, 0.02, 5), (0.10, 0.05, 3)):
        results = cell(args.program, sim, range(200 // part), n=60, shift=shift, cv=cv, tail=runs)
        recall = f1(results, 2)[2]
        others = sum(score(one[0], one[1], 2)[1] for one in results)
        print(f"fresh  {runs} runs old, {shift:.0%} at cv {cv:.0%}: recall within ±2 {recall:.3f}, {others} others in {len(results)} series", flush=True)
        if (cv, runs) == (0.02, 3) and recall < 0.77:
            missed.append("fresh regression")
    return missed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=os.path.join(ROOT, "target", "debug", "moelint"))
    parser.add_argument("--simulator", default=os.path.join(os.environ.get("MOELINT_SHARED", ""), "tools"))
    parser.add_argument("--gate", default="all", choices=["f1", "false", "fresh", "all"])
    parser.add_argument("--quick", action="store_true", help="a tenth of the series")
    args = parser.parse_args()
    sim = load(args.simulator)
    gates = {"f1": gate_f1, "false": gate_false, "fresh": gate_fresh}
    missed = []
    for name, gate in gates.items():
        if args.gate in (name, "all"):
            missed += gate(args, sim, 10 if args.quick else 1)
    for gate in missed:
        print(f"missed: {gate}")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
