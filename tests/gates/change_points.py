#!/usr/bin/env python3
"""The change-point detector's gates: F1 on planted shifts, false alarms without one, recall of fresh regressions.

The series come from make() of the simulator in $MOELINT_SHARED/tools/changepoint_sim.py (needs numpy); the column "cfg" is
what the prototype of the design reached with the same seeds.

  cargo build --profile quick --example change_points
  MOELINT_SHARED=... python3 tests/gates/change_points.py target/quick/examples/change_points [--series 60] [--nulls 200]
"""
import argparse, os, subprocess, sys

sys.path.insert(0, os.path.join(os.environ["MOELINT_SHARED"], "tools"))
import changepoint_sim as sim

CFG = {  # shift, cv, with AR(1) .3 and 3 % outliers: F1 within 0, 2, 5 commits
    (.02, .01, 0): (.85, .94, .97), (.02, .02, 0): (.56, .64, .76), (.02, .03, 0): (.24, .32, .36), (.02, .05, 0): (.14, .18, .22),
    (.05, .01, 0): (1, 1, 1), (.05, .02, 0): (.91, .97, 1), (.05, .03, 0): (.74, .90, .97), (.05, .05, 0): (.50, .65, .73),
    (.10, .01, 0): (1, 1, 1), (.10, .02, 0): (.98, 1, 1), (.10, .03, 0): (.98, 1, 1), (.10, .05, 0): (.85, .92, .95),
    (.02, .01, 1): (.71, .78, .90), (.05, .01, 1): (.96, .99, .99), (.05, .02, 1): (.88, .92, .96), (.05, .05, 1): (.30, .39, .56),
    (.10, .02, 1): (.96, .97, .98)}
FRESH = {(.05, .02): (.77, .93, 1.0), (.10, .05): (.50, .70, .87)}  # the best of cfg and Otava at 3, 5, 10 runs after


def run(program, series):
    lines = [f"{','.join(map(str, cfg))};{','.join(repr(float(v)) for v in y)}\n" for y, _, cfg in series]
    out = subprocess.run([program], input="".join(lines), capture_output=True, text=True, check=True).stdout.splitlines()
    return [[[int(place) for place in part.split(",") if place] for part in line.split(";")[:2]] for line in out]


def score(series, found, tol, both=False):
    sums = [0, 0, 0]
    for (_, truth, _), (config, code) in zip(series, found):
        sums = [a + b for a, b in zip(sums, sim.score(sorted(config + code) if both else config, truth, tol))]
    tp, fp, fn = sums
    return 2 * tp / max(2 * tp + fp + fn, 1), tp / max(tp + fn, 1)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("program"); args.add_argument("--series", type=int, default=60)
    args.add_argument("--nulls", type=int, default=200); args.add_argument("--first-seed", type=int, default=0)
    args.add_argument("--compare", action="store_true", help="run the prototype on the same series too (needs scipy; slow)")
    args = args.parse_args()
    seeds = lambda n: range(args.first_seed, args.first_seed + n)
    for (shift, cv, hard), reference in CFG.items():
        series = [sim.make(s, 200, shift, cv, 2, ar=.3 * hard, outlier=.03 * hard) for s in seeds(args.series)]
        found = run(args.program, series)
        f1 = [score(series, found, tol)[0] for tol in (0, 2, 5)]
        note = "  BELOW" if any(round(a, 2) < b for a, b in zip(f1, reference)) else ""
        other = ""
        if args.compare:
            proto = [[sim.d_cfg(y, cfg, shift, 0), []] for y, _, cfg in series]
            other = " same series " + " ".join(f"{score(series, proto, tol)[0]:.3f}" for tol in (0, 2, 5))
        print(f"shift {shift:.2f} cv {cv:.2f} {'AR+outliers' if hard else '':11} F1@0/2/5 " + " ".join(f"{x:.3f}" for x in f1)
              + "  cfg " + " ".join(f"{x:.2f}" for x in reference) + other + f"  both lists @5 {score(series, found, 5, True)[0]:.3f}" + note, flush=True)
    total = [0, 0, 0]
    for ar, outlier in ((0, 0), (.3, 0), (0, .03), (.3, .03)):
        for cv in (.01, .02, .03, .05):
            series = [sim.make(s, 200, .05, cv, 0, ar=ar, outlier=outlier) for s in seeds(args.nulls)]
            found = run(args.program, series)
            alarms = [sum(bool(lists[place]) for lists in found) for place in (0, 1)]
            total = [total[0] + alarms[0], total[1] + alarms[1], total[2] + len(series)]
            print(f"no shift, cv {cv:.2f} ar {ar} outliers {outlier}: false alarms config {alarms[0]}, code {alarms[1]} of {len(series)}", flush=True)
    print(f"no shift, all: config {100 * total[0] / total[2]:.2f} %, code {100 * total[1] / total[2]:.2f} % of {total[2]} series")
    for (shift, cv), reference in FRESH.items():
        for tail, best in zip((3, 5, 10), reference):
            series = [sim.make(s, 60, shift, cv, 2, tail=tail) for s in seeds(args.nulls)]
            print(f"{tail} runs after a shift of {shift} at cv {cv}: recall@2 {score(series, run(args.program, series), 2)[1]:.3f}, best known {best}")


main()
