"""The report in a real browser: text that is made to be run is shown, even without the page's own policy."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from test_report import PAYLOADS, hostile_run, write

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

# every page tells the page around it what was run in it, and how many elements that a report never has
SPY = """<script>
for (const name of ["alert", "open", "fetch"]) window[name] = () => parent.postMessage("ran", "*");
addEventListener("load", () => setTimeout(() => {
  const foreign = document.querySelectorAll("iframe, base, form, link, template, object, a[href^=javascript]");
  parent.postMessage("loaded, foreign " + foreign.length, "*");
}, 200));
</script>"""
AROUND = """<!doctype html><ol></ol><script>
addEventListener("message", event => {
  const line = document.createElement("li");
  line.textContent = Array.from(frames).indexOf(event.source) + ": " + event.data;
  document.querySelector("ol").append(line);
});
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="there is no chromium here")
@pytest.mark.parametrize("payloads", [PAYLOADS], ids=["all"])
def test_a_browser_runs_no_payload_in_a_report(payloads, tmp_path):
    pages = []
    for payload in payloads:
        page = write(hostile_run(payload), tmp_path)
        without_policy = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
        assert without_policy != page
        pages.append(without_policy.replace("<head>", "<head>" + SPY, 1))
    pages.append(f"<html><head>{SPY}</head><body>{PAYLOADS[2]}<form></form></body></html>")  # this one is seen
    frames = ""
    for position, page in enumerate(pages):
        (tmp_path / f"{position}.html").write_text(page, encoding="utf-8")
        frames += f'<iframe src="{position}.html"></iframe>'
    (tmp_path / "around.html").write_text(AROUND + frames, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    options += ["--virtual-time-budget=20000", "--dump-dom", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [BROWSER, *options, (tmp_path / "around.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True)
    said = re.findall(r"<li>(.*?)</li>", done.stdout)
    assert sorted(said) == sorted(
        [f"{position}: loaded, foreign 0" for position in range(len(payloads))]
        + [f"{len(payloads)}: ran", f"{len(payloads)}: loaded, foreign 1"]
    )
