#!/usr/bin/env python3
"""How many probes the key-level search takes, on the worlds of bisect_sim.py (the folder that MOELINT_SHARED names).

  cargo build --release --example key_worlds
  MOELINT_SHARED=... benches/key_worlds.py --binary target/release/examples/key_worlds
"""
import argparse, json, os, subprocess, sys
from pathlib import Path

sys.path.insert(0, str(Path(os.environ["MOELINT_SHARED"]) / "tools"))
from bisect_sim import closure, key_world  # noqa: E402


def world(m, s, seed, **more):
    rel, cul, dep = key_world(m, s, seed)
    return dict(weights=rel, deps=[sorted(dep[k]) for k in range(m)], causes=[sorted(cul)], seed=seed, **more), dep


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--binary", default="target/release/examples/key_worlds")
    ap.add_argument("--seeds", type=int, default=200)
    ap.add_argument("--keys", default="8,16,32")
    a = ap.parse_args()
    kinds = {
        "deterministic": dict(rates="deterministic"),
        "5 % flakes, told": dict(rates="told", flakes=[0.05, 0.05]),
        "5 % flakes, unknown": dict(rates="unknown", flakes=[0.05, 0.05]),
        "no flakes, unknown": dict(rates="unknown"),
        "10 % unresolved": dict(rates="deterministic", unresolved=0.1),
    }
    print("world                 keys culprits  probes  +confirm   p95  invalid  minimal  exact  necessary")
    for kind, more in kinds.items():
        for m in map(int, a.keys.split(",")):
            for s in (1, 2, 3):
                got = {}
                for confirm in (False, True):
                    worlds = [world(m, s, i, confirm=confirm, **more) for i in range(a.seeds)]
                    lines = "\n".join(json.dumps(w) for w, _ in worlds) + "\n"
                    out = subprocess.run([a.binary], input=lines, capture_output=True, text=True, check=True).stdout
                    got[confirm] = [(json.loads(line), w, dep) for line, (w, dep) in zip(out.splitlines(), worlds)]
                    assert len(got[confirm]) == a.seeds
                mean = lambda rows, f: sum(f(*row) for row in rows) / len(rows)
                plain, full = got[False], got[True]
                probes = sorted(r["probes"] for r, _, _ in plain)
                def minimal(r, w, dep):          # the simulator's own criterion
                    must = set(r["must"]); cul = set(w["causes"][0])
                    return cul <= closure(must, dep) and must <= closure(cul, dep)
                exact = lambda r, w, dep: not r["others"] and set(r["must"]) == closure(w["causes"][0], dep)
                print(f"{kind:20} {m:5} {s:8} {mean(plain, lambda r, w, d: r['probes']):7.2f} "
                      f"{mean(full, lambda r, w, d: r['probes']):9.2f} {probes[int(.95 * len(probes)) - 1]:5} "
                      f"{mean(full, lambda r, w, d: r['invalid']):8.2f} {mean(plain, minimal):8.1%} {mean(full, exact):6.1%} "
                      f"{mean(full, lambda r, w, d: r['necessary'] is True):9.1%}")


if __name__ == "__main__":
    main()
