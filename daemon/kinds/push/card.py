"""The model card of a version, the `README.md` of the place that it is pushed to: what is known of it, without a
word of what was recorded."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.package import consent
from proto import worker_pb2 as wire

#: What tells that Myna wrote a card.
MARK = b"\n- myna\n"
#: What the front matter calls a licence that has no name there, and those that have one.
UNKNOWN = "other"
LICENCES = {"MIT": "mit", "Apache-2.0": "apache-2.0", "MPL-2.0": "mpl-2.0", "CC-BY-4.0": "cc-by-4.0"}


def written(plan: wire.PushPlan, package: str) -> str:
    """Markdown, with the front matter that a hub of models reads."""
    version = plan.export.version
    name = plan.export.version_name
    licence = LICENCES.get(version.licence, UNKNOWN)
    front = ["---", f"license: {licence}"]
    if licence == UNKNOWN:
        front += [f'license_name: "{_plain(version.licence).lower().replace(" ", "-") or "unknown"}"']
        front += [f'license_link: "{_plain(version.licence_url)}"'] if version.licence_url else []
    front += [f'language: "{_plain(version.language.partition("-")[0])}"', "pipeline_tag: text-to-speech"]
    front += ["tags:", "- myna", "- text-to-speech", f'- "{_plain(version.engine)}"', "---"]
    about = [
        f"# {_line(name)}",
        f"A voice in the language {_line(version.language)}, of the engine {_line(version.engine)}, trained with Myna "
        f"on {version.created.ToDatetime().date()}. `{package}` is the whole of it: `myna import` reads it, and "
        f"`myna pull` of this place fetches it and checks it.",
        f"## Lineage\n\n{_line(name)}, trained from {', from '.join(map(_line, version.lineage)) or 'the base'}.",
        f"## Data\n\n{_data(plan)}",
        f"## Scores\n\n{_scores(version.metrics)}",
    ]
    if version.verdict:
        about.append(f"## Verdict\n\n{_line(version.verdict)}")
    terms = f" ({_line(version.licence_url)})" if version.licence_url else ""
    about.append(f"## Licence\n\nOf the weights that it was trained from: {_line(version.licence)}{terms}.")
    if plan.export.HasField("consent") and plan.export.consent.text:
        about.append(consent.text(plan.export.consent).replace("# Consent", "## Consent", 1).strip())
    else:
        about.append("## Consent\n\nNobody has written a consent note for this voice.")
    return "\n".join(front) + "\n\n" + "\n\n".join(about) + "\n"


def _data(plan: wire.PushPlan) -> str:
    if not plan.seconds:
        return "How much it was trained on is not known here: it came from elsewhere."
    return (
        f"{plan.seconds / 3600:.2f} hours of speech, in {plan.clips:,} clips. Recordings and their texts are not here."
    )


def _scores(metrics: Mapping[str, float]) -> str:
    if not metrics:
        return "It was not scored."
    rows = [f"| {_line(name)} | {value:.4g} |" for name, value in sorted(metrics.items())]
    return "\n".join(("On lines that were held out of its training.", "", "| score | value |", "|---|---|", *rows))


def _line(text: str) -> str:
    """On one line, and nothing that Markdown or HTML would make something of."""
    kept = " ".join(text.split())
    return "".join(f"\\{one}" if one in "\\`*[]<>|#" else one for one in kept)


def _plain(text: str) -> str:
    """What a line of YAML can hold in quotes (without them, Norwegian would be a truth)."""
    return "".join(one for one in text if one.isalnum() or one in "-._/:+ ").strip(" :")
