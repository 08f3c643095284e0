#!/usr/bin/env python3
"""The conference ladder: what a call's codecs, bit rates, losses and clients leave of the program's answers.

In:  a manifest of labelled clips (path,label,…), the program.
Out: OUT/<rung>/ with the clips as a call would deliver them and the program's report, and a Markdown table on standard
     output: per rung AUC and EER of face and voice and the face's AUC by kind, then of the whole finding APCER, the worst
     method, BPCER, abstain rate, false alarms per genuine hour and the median time to the first alert. A rung that is
     there already is kept, so an interrupted run goes on; remove OUT/*/report.json after a change of the program.

    scripts/eval/ladder.py ../shared/data/face/dev/manifest.csv --unmask target/release/unmask
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
# Name: options of transcode.py, or of virtual_background.py for the client that hides the room.
RUNGS = {
    "640 H.264 crf 23": ["--crf", "23"],
    "640 H.264 300 kb/s": ["--kbps", "300"],
    "480 VP8 250 kb/s": ["--longest", "480", "--codec", "vp8", "--kbps", "250"],
    "640 VP9 250 kb/s": ["--codec", "vp9", "--kbps", "250"],
    "640 AV1 crf 45": ["--codec", "av1", "--crf", "45"],
    "320 H.264 120 kb/s": ["--longest", "320", "--kbps", "120"],
    "480 H.264, 2 % lost": ["--longest", "480", "--kbps", "250", "--loss", "2"],
    "640, Opus 12 kb/s": ["--opus", "12"],
    "640, noise suppression": ["--suppress"],
    "640, blurred background": ["background"],
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--unmask", default="target/release/unmask")
    parser.add_argument("--out", type=Path, default=Path(".runtime/eval/ladder"))
    parser.add_argument("--fps", default="5", help="frames a second that the program analyses")
    parser.add_argument("--rungs", nargs="*", choices=RUNGS, default=list(RUNGS))
    return parser.parse_args()


def report(args, name):
    """The program's report on one rung."""
    folder = args.out / args.manifest.parent.parent.name / name.replace(" ", "-").replace("/", "").replace(",", "")
    path = folder / "report.json"
    if not path.exists():
        options = RUNGS[name]
        script = "virtual_background.py" if options == ["background"] else "transcode.py"
        options = [] if options == ["background"] else options
        command = [sys.executable, HERE / script, args.manifest, folder, *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        scan = [args.unmask, "eval", folder / "manifest.csv", "--fps", args.fps, "--json"]
        text = subprocess.run(scan, check=True, capture_output=True, text=True).stdout
        path.with_suffix(".part").write_text(text)
        path.with_suffix(".part").rename(path)
    return {figures["modality"]: figures for figures in json.loads(path.read_text())["figures"]}


def number(figures, key, form="{:.3f}"):
    value = (figures or {}).get(key)
    value = value.get("value") if isinstance(value, dict) else value
    return "–" if value is None else form.format(value)


def by_kind(figures):
    kinds = (figures or {}).get("kinds", [])
    return ", ".join(f"{kind['name']} {number(kind, 'auc', '{:.2f}')}" for kind in kinds) or "–"


def share(figures, key):
    rate = (figures or {}).get(key)
    return "–" if rate is None else f"{100 * rate['value']:.0f} % of {rate['of']}"


def main():
    args = arguments()
    head = ["rung", "face AUC", "EER", "by kind", "voice AUC", "EER", "APCER", "worst method", "BPCER", "abstain"]
    head += ["false alarms/h", "first alert"]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for name in args.rungs:
        by = report(args, name)
        face, voice, call = by.get("face"), by.get("voice"), by.get("overall")
        worst = (call or {}).get("worst_method")
        row = [name]
        row += [number(face, "auc"), number(face, "eer"), by_kind(face)]
        row += [number(voice, "auc"), number(voice, "eer")]
        row += [share(call, "apcer"), f"{worst['name']} {100 * worst['apcer']['value']:.0f} %" if worst else "–"]
        row += [share(call, "bpcer"), share(call, "abstain")]
        row += [number(call, "false_alarms_per_hour", "{:.1f}"), number(call, "first_alert_s", "{:.1f} s")]
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
