// Controls of the page: play, pause, seek, tempo, volume, saving files. One melody plays at a time.
"use strict";

const Player = (() => {
  const SECONDS_PER_MINUTE = 60;
  const { ticksPerQuarter, melodies, ...data } = JSON.parse(document.getElementById("melodies").textContent);
  const synthesizer = Synthesizer(data.synthesizer);
  const bar = document.getElementById("transport");
  const status = document.getElementById("status");
  const tempo = document.getElementById("tempo");
  const tempoValue = document.getElementById("tempo-value");
  const volume = document.getElementById("volume");
  const chords = document.getElementById("chords"); // null if no melody has chords
  const instrument = document.getElementById("instrument");
  const semitones = document.getElementById("semitones");
  const goesOn = document.getElementById("goes-on");
  const repeats = document.getElementById("repeats");
  instrument.value = data.instrument;

  let context = null; // created at the first click: browsers allow no sound before
  let loudness = null;
  let performance = null; // { from, began, silence } while it plays

  const tracks = [...document.querySelectorAll("[data-track]")].map((element, index) => ({
    element,
    melody: melodies[index],
    position: 0, // ticks
    roll: element.querySelector(".roll"),
    lanes: element.querySelector(".lanes"),
    playhead: element.querySelector(".playhead"),
    button: element.querySelector("[data-do=play]"),
    clock: element.querySelector(".clock"),
    shapes: shapesByNote(element),
    sounding: -1,
  }));

  let current = tracks[0]; // the melody that plays, or played last

  // The shapes of each note: its box in the roll, then its heads in the notation, coloured alike.
  function shapesByNote(element) {
    const shapes = [];
    element.querySelectorAll("[data-note]").forEach((shape) => (shapes[shape.dataset.note] ??= []).push(shape));
    const shared = shapes.filter(([box]) => box.classList.contains("shared"));
    shared.flat().forEach((shape) => shape.classList.add("shared"));
    return shapes;
  }

  const secondsPerTick = (track) =>
    SECONDS_PER_MINUTE / (track.melody.tempo * (tempo.value / 100)) / ticksPerQuarter;
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const barAt = (track) => Math.max(1, track.melody.bars.filter((each) => each <= track.position).length);
  const manner = (track) => ({
    secondsPerTick: secondsPerTick(track),
    instrument: instrument.value,
    withChords: chords !== null && chords.checked,
    semitones: Number(semitones.value),
  });
  const say = (words) => (status.textContent = words);

  // ---- playing

  function begin(track) {
    if (!context) {
      context = new AudioContext();
      loudness = context.createGain();
      loudness.connect(context.destination);
      setVolume();
    }
    context.resume();
    const at = context.currentTime + 0.06;
    const silence = synthesizer.play(context, loudness, track.melody, manner(track), track.position, at);
    performance = { from: track.position, began: at, step: secondsPerTick(track), silence };
    current = track;
    requestAnimationFrame(follow);
  }

  function end() {
    performance?.silence();
    performance = null;
  }

  const isPlaying = (track) => performance !== null && current === track;

  function play(track) {
    if (isPlaying(track)) return;
    if (performance) pause(current);
    if (track.position >= track.melody.ticks) track.position = 0;
    begin(track);
    show(track);
    say(`Playing ${track.melody.title}`);
  }

  function pause(track) {
    end();
    show(track);
    say(`Paused ${track.melody.title} in bar ${barAt(track)}`);
  }

  function stop(track) {
    if (isPlaying(track)) end();
    track.position = 0;
    show(track);
    say(`Stopped ${track.melody.title}`);
  }

  const toggle = (track) => (isPlaying(track) ? pause(track) : play(track));

  function seek(track, tick) {
    const playing = isPlaying(track);
    if (playing) end();
    track.position = Math.max(0, Math.min(tick, track.melody.ticks));
    if (!performance) current = track;
    if (playing) begin(track);
    show(track);
  }

  function follow() {
    if (!performance) return;
    const heard = context.currentTime - (context.outputLatency || 0) - performance.began;
    current.position = performance.from + Math.max(0, heard) / performance.step;
    if (current.position >= current.melody.ticks) {
      finish(current);
    } else requestAnimationFrame(follow);
    show(current);
  }

  // A melody that has ended is played again, or the next one is, if the page was told so.
  function finish(track) {
    end();
    track.position = 0;
    const next = repeats.checked ? track : tracks[tracks.indexOf(track) + 1];
    if (!next || !(repeats.checked || goesOn.checked)) {
      say(`${track.melody.title} has ended`);
      return;
    }
    show(track);
    play(next);
    if (next !== track) next.element.scrollIntoView({ block: "nearest" });
  }

  // ---- showing

  function show(track) {
    const { melody, position, roll, playhead, clock: display } = track;
    const playing = isPlaying(track);
    const part = `${((100 * position) / melody.ticks).toFixed(3)}%`;
    playhead.setAttribute("x1", part);
    playhead.setAttribute("x2", part);
    mark(track, playing || position > 0 ? melody.notes.findLastIndex(([onset]) => onset <= position) : -1);
    const step = secondsPerTick(track);
    const times = `${clock(position * step)} / ${clock(melody.ticks * step)}`;
    if (display.textContent !== times) {
      display.textContent = times;
      roll.setAttribute("aria-valuenow", Math.round(position));
      roll.setAttribute("aria-valuetext", `bar ${barAt(track)}, ${times}`);
    }
    track.element.classList.toggle("is-playing", playing);
    track.button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${melody.title}`);
    if (playing) keepInSight(track);
    if (track === current) showBar(track, times, playing);
  }

  function mark(track, index) {
    const [onset, duration] = track.melody.notes[index] ?? [0, 0];
    const now = track.position < onset + duration ? index : -1; // a rest
    if (now === track.sounding) return;
    track.shapes[track.sounding]?.forEach((shape) => shape.classList.remove("sounds"));
    track.shapes[now]?.forEach((shape) => {
      shape.classList.add("sounds");
      const sheet = shape.closest(".long");
      if (sheet?.clientHeight) keepLineInSight(sheet, shape);
    });
    track.sounding = now;
  }

  // A roll wider than the screen scrolls while it plays.
  function keepInSight({ melody, position, roll, lanes }) {
    const width = lanes.getBoundingClientRect().width;
    const seen = roll.clientWidth - (roll.scrollWidth - width); // beside the gutter
    const x = (position / melody.ticks) * width - roll.scrollLeft;
    if (x < 0 || x > 0.8 * seen) roll.scrollLeft += x - 0.2 * seen;
  }

  // The notation of a long melody scrolls line by line.
  function keepLineInSight(sheet, head) {
    const y = head.getBoundingClientRect().top - sheet.getBoundingClientRect().top;
    if (y < 0 || y > 0.7 * sheet.clientHeight) sheet.scrollTop += y - 0.2 * sheet.clientHeight;
  }

  function showBar(track, times, playing) {
    const shown = bar.querySelector(".now");
    if (shown.textContent !== track.melody.title) shown.textContent = track.melody.title;
    bar.querySelector(".clock").textContent = times;
    bar.classList.toggle("is-playing", playing);
    showTempo();
    const button = bar.querySelector("[data-do=play]");
    button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${track.melody.title}`);
  }

  function setVolume() {
    const part = volume.value / 100;
    if (loudness) loudness.gain.setTargetAtTime(part * part, context.currentTime, 0.02); // loudness grows with the square
  }

  function playAnew() {
    const playing = performance !== null;
    if (playing) end();
    if (playing) begin(current);
  }

  function setTempo() {
    playAnew();
    tracks.forEach(show);
  }

  // The tempo is shown in beats of the metre, as above the notation.
  function showTempo() {
    const { tempo: quarters, beat } = current.melody;
    const beats = Math.round((((quarters * tempo.value) / 100) * ticksPerQuarter) / beat.ticks);
    const shown = `${beat.sign} = ${beats}`;
    if (tempoValue.textContent === shown) return;
    tempoValue.textContent = shown;
    tempo.setAttribute("aria-valuetext", `${beat.name} = ${beats}`);
  }

  // ---- files

  // Files are stored compressed: otherwise the page would be twice as long.
  async function contents(file) {
    const packed = Uint8Array.from(atob(file.data), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  async function save(track, kind) {
    const file = track.melody.files[kind];
    const bytes = kind === "wav"
      ? synthesizer.wav(track.melody, manner(track))
      : await contents(file);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: file.type }));
    link.download = file.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    say(`Saved ${file.name}`);
  }

  async function copyAbc(track) {
    const text = new TextDecoder().decode(await contents(track.melody.files.abc));
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      say("The browser does not let this page copy: save the ABC file instead");
      return;
    }
    say(`Copied ${track.melody.title} as ABC`);
  }

  // ---- input: mouse, touch and keyboard

  function onKey(track, event) {
    const { bars, ticks } = track.melody;
    const onRoll = event.target === track.roll;
    const before = bars.findLast((each) => each < track.position - ticksPerQuarter / 2) ?? 0;
    const after = bars.find((each) => each > track.position) ?? ticks;
    const goal = {
      ArrowLeft: track.position - ticksPerQuarter,
      ArrowRight: track.position + ticksPerQuarter,
      ...(onRoll && {
        ArrowDown: track.position - ticksPerQuarter,
        ArrowUp: track.position + ticksPerQuarter,
        PageDown: before,
        PageUp: after,
        Home: 0,
        End: ticks,
      }),
    }[event.key];
    if (goal !== undefined) seek(track, goal);
    else if (event.key === " " && !event.target.closest("button, summary, input")) toggle(track);
    else if (event.key === "Escape") stop(track);
    else return;
    event.preventDefault();
  }

  const withoutHelpers = (event) => !(event.altKey || event.ctrlKey || event.metaKey || event.shiftKey);

  tracks.forEach((track) => {
    const { element, roll } = track;
    element.addEventListener("keydown", (event) => withoutHelpers(event) && onKey(track, event));
    element.addEventListener("click", (event) => {
      const action = event.target.closest("[data-do]")?.dataset.do;
      const kind = event.target.closest("[data-file]")?.dataset.file;
      if (action === "play") toggle(track);
      else if (action === "stop") stop(track);
      else if (action === "copy") copyAbc(track);
      else if (kind) save(track, kind);
    });
    roll.addEventListener("click", (event) => {
      const box = track.lanes.getBoundingClientRect();
      seek(track, ((event.clientX - box.left) / box.width) * track.melody.ticks);
    });
    show(track);
  });
  bar.querySelector("[data-do=play]").addEventListener("click", () => toggle(current));
  bar.querySelector("[data-do=stop]").addEventListener("click", () => stop(current));
  bar.addEventListener("keydown", (event) => event.key === "Escape" && stop(current));
  tempo.addEventListener("input", setTempo);
  for (const knob of [chords, instrument, semitones]) knob?.addEventListener("change", playAnew);
  // Elsewhere on the page, the space bar would scroll.
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || event.target !== document.body || !withoutHelpers(event)) return;
    toggle(current);
    event.preventDefault();
  });
  volume.addEventListener("input", setVolume);

  return { tracks, play, pause, stop, seek, isPlaying, contents, context: () => context, output: () => loudness };
})();
