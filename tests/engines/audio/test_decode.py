"""Any recording is decoded whole, or refused with one sentence and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sounds import COMPRESSED, compress, half, tone, write

from engines.audio import decode
from engines.audio.decode import probe_and_decode
from engines.audio.mono import Mono, load
from engines.errors import BadInput, Cancelled


def refusal(path: Path) -> str:
    """The sentence a file is refused with; there is always something to do, too."""
    with pytest.raises(BadInput) as refused:
        probe_and_decode(path)
    assert refused.value.hint
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_plain_wav_is_described(tmp_path: Path) -> None:
    facts = probe_and_decode(write(tmp_path / "a.wav", tone(3.0)))
    assert (facts.seconds, facts.sample_rate, facts.channels, facts.codec, facts.bits) == (
        3.0,
        16_000,
        1,
        "pcm_s16le",
        16,
    )
    assert facts.peak == pytest.approx(0.3, abs=1e-3)
    assert facts.rms_db == pytest.approx(20 * np.log10(0.3 / np.sqrt(2)), abs=0.05)
    assert not facts.silent
    assert facts.clipped_share == 0
    assert facts.notes == ()


@pytest.mark.parametrize("ending", sorted(COMPRESSED))
def test_every_lossy_format_is_taken(tmp_path: Path, ending: str) -> None:
    path = compress(tmp_path / f"a.{ending}", tone(3.0, 48_000))
    facts = probe_and_decode(path)
    assert facts.seconds == pytest.approx(3.0, abs=0.1)
    assert facts.bits == 0
    assert facts.notes == ()
    assert abs(load(path, 16_000, 1.0, 2.0)).max() == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(
    ("name", "rate", "channels", "subtype", "bits"),
    [
        ("eight.wav", 16_000, 1, "PCM_U8", 8),
        ("studio.wav", 96_000, 6, "PCM_24", 24),
        ("studio.flac", 96_000, 6, "PCM_24", 24),
        ("float.wav", 44_100, 2, "FLOAT", 32),
        ("double.wav", 48_000, 2, "DOUBLE", 64),
        ("vorbis.ogg", 22_050, 2, None, 0),
    ],
)
def test_any_rate_width_and_number_of_channels(
    tmp_path: Path, name: str, rate: int, channels: int, subtype: str | None, bits: int
) -> None:
    sound = np.repeat(tone(1.0, rate)[:, None], channels, axis=1)
    path = write(tmp_path / name, sound, rate, subtype)
    facts = probe_and_decode(path)
    assert (facts.sample_rate, facts.channels, facts.bits) == (rate, channels, bits)
    assert facts.seconds == pytest.approx(1.0, abs=0.05)
    assert len(load(path, 24_000)) == pytest.approx(24_000, abs=1_200)


def test_telephone_sound_is_taken_with_a_note(tmp_path: Path) -> None:
    assert "8000 Hz" in probe_and_decode(write(tmp_path / "phone.wav", tone(1.0, 8_000), 8_000)).notes[0]


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    mp3 = compress(tmp_path / "a.mp3", tone(2.0, 48_000)).rename(tmp_path / "a.wav")
    facts = probe_and_decode(mp3)
    assert facts.codec.startswith("mp3")
    assert facts.notes == ("It is named .wav but is an MP3 file; taken as what it is.",)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"these are the words of the recording\n" * 40, "a text file"),
        ("das sind Wörter, über alle Maßen\n".encode() * 200, "a text file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "a PNG picture"),
        (b"PK\x03\x04" + b"\0" * 100, "a ZIP archive"),
        (np.random.default_rng(1).bytes(100_000), "something else"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n/etc/passwd\n", "a text file"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "a text file"),
    ],
)
def test_what_is_no_audio_is_refused_by_what_it_is(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert refusal(path) == f"a.wav is not a recording: it is {what} named .wav."


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    assert refusal(tmp_path / "a.wav") == "a.wav is empty."


def test_a_recording_of_no_length_is_refused(tmp_path: Path) -> None:
    assert "length is zero" in refusal(write(tmp_path / "a.wav", tone(0.0)))


def test_a_folder_named_like_a_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.wav").mkdir()
    assert refusal(tmp_path / "x.wav") == "x.wav is a folder."


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.wav")
    assert refusal(tmp_path / "x.wav") == "x.wav is not an ordinary file."


def test_a_file_that_went_away_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone.wav") == "gone.wav is not there."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(1.0))
    path.chmod(0)
    assert "may not be read" in refusal(path)


@pytest.mark.parametrize("name", ["a\nb.wav", "räven.wav", b"caf\xe9.wav", "-o.wav", "http:x.wav", "concat:a|b.wav"])
def test_odd_names_are_only_names(tmp_path: Path, name: str | bytes) -> None:
    path = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), os.fsencode(name))))
    write(tmp_path / "plain.wav", tone(1.0)).rename(path)
    assert probe_and_decode(path).seconds == 1.0
    path.write_bytes(b"")
    refusal(path).encode()  # printable: neither a second line nor half a character


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "webm"])
def test_a_copy_that_broke_off_is_refused(tmp_path: Path, ending: str) -> None:
    sound = tone(6.0, 48_000)
    whole = tmp_path / f"whole.{ending}"
    compress(whole, sound) if ending in COMPRESSED else write(whole, sound, 48_000)
    assert "is cut short: it says it is 6.0 s long, but holds only" in refusal(half(whole, tmp_path / f"a.{ending}"))


def test_an_m4a_that_broke_off_is_refused(tmp_path: Path) -> None:
    assert "damaged or cut short" in refusal(
        half(compress(tmp_path / "whole.m4a", tone(3.0, 48_000)), tmp_path / "a.m4a")
    )


def test_an_ogg_without_its_end_is_taken_with_a_note(tmp_path: Path) -> None:
    """Ogg does not say how long it is; what is there is whole seconds of good sound."""
    facts = probe_and_decode(half(compress(tmp_path / "whole.opus", tone(6.0, 48_000)), tmp_path / "a.opus"))
    assert 1.0 < facts.seconds < 5.0
    assert facts.notes == ("It has no end mark, so its end may be missing.",)


def test_a_little_missing_at_the_end_is_taken_with_a_note(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(30.0))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 16_000)
    assert probe_and_decode(path).notes == ("Its last 0.5 s are missing.",)


def test_a_wav_written_to_a_pipe_has_no_length_to_hold_it_to(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(2.0))
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert probe_and_decode(path).seconds == 2.0


def test_damage_in_the_middle_is_passed_over_and_noted(tmp_path: Path) -> None:
    path = compress(tmp_path / "a.aac", tone(6.0, 48_000))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 300] = b"\0" * 300
    path.write_bytes(data)
    facts = probe_and_decode(path)
    assert 5.0 < facts.seconds <= 6.2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, bad: float) -> None:
    sound = tone(1.0)
    sound[5_000] = bad
    assert "not numbers" in refusal(write(tmp_path / "a.wav", sound, subtype="FLOAT"))


def test_floating_point_at_the_scale_of_integers_is_refused(tmp_path: Path) -> None:
    assert "where 1.0 is full scale" in refusal(write(tmp_path / "a.wav", tone(1.0) * 32_768, subtype="FLOAT"))


def test_floating_point_a_little_over_full_scale_is_taken(tmp_path: Path) -> None:
    assert (
        "1.50 times full scale"
        in probe_and_decode(write(tmp_path / "a.wav", tone(1.0, level=1.5), subtype="FLOAT")).notes[0]
    )


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.webm"
    with av.open(str(path), "w", format="webm") as output:
        stream = output.add_stream("libvpx", rate=10, width=64, height=64, pix_fmt="yuv420p")
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    assert refusal(path) == "a.webm holds no sound. It holds only pictures."


def test_an_absurd_length_is_refused_before_it_is_decoded_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "MAX_SECONDS", 5.0)
    assert "is longer than" in refusal(write(tmp_path / "a.flac", np.zeros(16_000 * 30, np.float32)))


def test_silence_is_told(tmp_path: Path) -> None:
    assert probe_and_decode(write(tmp_path / "a.wav", np.zeros(16_000, np.float32))).silent
    assert not probe_and_decode(write(tmp_path / "b.wav", tone(1.0, level=0.01))).silent


def test_overdriven_sound_is_told_from_a_fair_peak(tmp_path: Path) -> None:
    assert probe_and_decode(write(tmp_path / "fair.wav", tone(1.0, level=0.5) / 0.5)).clipped_share < 0.2
    assert probe_and_decode(write(tmp_path / "peak.wav", tone(1.0, hz=4_000.0, level=0.9999))).clipped_share == 0
    over = write(tmp_path / "over.wav", np.clip(tone(1.0, level=2.0), -1, 1))
    assert probe_and_decode(over).clipped_share > 0.5
    times = np.concatenate([times for _, times in Mono(over, 8_000).passed()])
    assert len(times) > 8_000
    assert times.min() >= 0
    assert times.max() < 1.0


def test_load_gives_the_samples_as_they_are_at_the_same_rate(tmp_path: Path) -> None:
    sound = tone(5.0)
    assert np.array_equal(load(write(tmp_path / "a.wav", sound, subtype="FLOAT"), 16_000), sound)


def test_load_of_a_stretch_is_that_stretch(tmp_path: Path) -> None:
    sound = np.random.default_rng(3).normal(0, 0.1, 16_000 * 10).astype(np.float32)
    path = write(tmp_path / "a.wav", sound, subtype="FLOAT")
    assert np.array_equal(load(path, 16_000, 4.25, 6.5), sound[68_000:104_000])
    assert len(load(path, 16_000, 20.0, 30.0)) == 0


def test_resampling_keeps_length_and_pitch(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(2.0, 44_100, hz=440.0), 44_100)
    sound = load(path, 16_000)
    assert len(sound) == pytest.approx(32_000, abs=2)
    assert np.fft.rfftfreq(len(sound), 1 / 16_000)[np.abs(np.fft.rfft(sound)).argmax()] == pytest.approx(440, abs=1)


def test_mixing_down_cannot_clip(tmp_path: Path) -> None:
    loud = tone(1.0, level=0.99)
    assert abs(load(write(tmp_path / "a.wav", np.stack([loud, loud], axis=1)), 16_000)).max() <= 1.0


def test_a_channel_wired_the_wrong_way_round_does_not_cancel_the_voice(tmp_path: Path) -> None:
    sound = tone(1.0)
    path = write(tmp_path / "a.wav", np.stack([sound, -sound], axis=1))
    assert abs(load(path, 16_000)).max() == pytest.approx(0.3, abs=1e-3)


def test_a_voice_on_one_of_six_channels_is_heard(tmp_path: Path) -> None:
    sound = np.zeros((16_000, 6), np.float32)
    sound[:, 2] = tone(1.0)
    assert abs(load(write(tmp_path / "a.wav", sound), 16_000)).max() == pytest.approx(0.05, abs=1e-3)


def test_whoever_decodes_a_long_file_looks_up_often(tmp_path: Path) -> None:
    """What it is told then ends the decoding at once, in the first minute of ten."""
    path = write(tmp_path / "a.flac", np.zeros(16_000 * 600, np.float32))
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 10:
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        probe_and_decode(path, look)
    looks = 10
    probe_and_decode(path, look)
    assert looks > 100


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["wav", "flac", "ogg", "mp3", "m4a", "webm", "aac"]), st.data())
def test_damage_never_crashes(tmp_path: Path, ending: str, data: st.DataObject) -> None:
    """Any bytes changed, cut out or cut off: decoded, or refused with a sentence."""
    whole = tmp_path / f"whole.{ending}"
    if not whole.exists():
        compress(whole, tone(0.5, 48_000)) if ending in COMPRESSED else write(whole, tone(0.5))
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, min(len(content) - 1, 400)) | st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(1, len(content)))]
    path = tmp_path / f"a.{ending}"
    path.write_bytes(content)
    try:
        seconds = probe_and_decode(path).seconds
        assert abs(len(load(path, 16_000)) / 16_000 - seconds) < 0.01
    except BadInput as refused:
        sentence = str(refused)
        assert sentence.endswith(".")


def test_no_torch_is_imported() -> None:
    code = (
        "import sys, engines.audio.decode, engines.audio.flac; print([m for m in ('torch', "
        "'numpy', 'av') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
