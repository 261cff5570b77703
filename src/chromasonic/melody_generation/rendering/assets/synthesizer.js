// Notes to sound: one voice, for loudspeakers and for WAV files alike.
"use strict";

const Synthesizer = (() => {
  const HARMONICS = [1, 0.45, 0.24, 0.1, 0.06, 0.03];
  const RATE = 44100; // samples a second of a WAV file
  const ATTACK = 0.006, RELEASE = 0.06, ECHO = 0.9; // seconds

  const frequency = (pitch) => 440 * 2 ** ((pitch - 69) / 12);

  // The echo of a small room: noise that dies away, the same one every time.
  function echo(context) {
    const buffer = context.createBuffer(1, Math.ceil(ECHO * context.sampleRate), context.sampleRate);
    const samples = buffer.getChannelData(0);
    let state = 1;
    for (let i = 0; i < samples.length; i++) {
      state = (state * 48271) % 2147483647;
      samples[i] = (state / 1073741823.5 - 1) * (1 - i / samples.length) ** 3;
    }
    return buffer;
  }

  // Where voices are sent: straight on, and a little of it through the room.
  function stage(context, destination) {
    const entrance = context.createGain();
    const room = context.createConvolver();
    const wet = context.createGain();
    room.buffer = echo(context);
    wet.gain.value = 0.22;
    entrance.connect(destination);
    entrance.connect(room).connect(wet).connect(destination);
    return entrance;
  }

  // One note: struck, dying away slowly, damped at its end.
  function strike(context, destination, wave, pitch, loudness, begin, end) {
    const voice = context.createOscillator();
    const envelope = context.createGain();
    voice.setPeriodicWave(wave);
    voice.frequency.value = frequency(pitch);
    envelope.gain.setValueAtTime(0, begin);
    envelope.gain.linearRampToValueAtTime(loudness, begin + ATTACK);
    envelope.gain.setTargetAtTime(loudness * 0.3, begin + ATTACK, 0.4);
    envelope.gain.setTargetAtTime(0, end, RELEASE / 3);
    voice.connect(envelope).connect(destination);
    voice.start(begin);
    voice.stop(end + 2 * RELEASE);
    return voice;
  }

  // Plays what is left of a melody from a tick on. Notes are [onset, duration, pitch], in ticks.
  // All of it is handed to the audio clock at once, so that a page in the background plays on. Returns how to end it.
  function play(context, destination, melody, secondsPerTick, from, at) {
    const own = context.createGain();
    const entrance = stage(context, own);
    own.connect(destination);
    const sines = new Float32Array([0, ...HARMONICS]);
    const wave = context.createPeriodicWave(new Float32Array(sines.length), sines);
    const accents = new Set(melody.bars);
    const left = melody.notes.filter(([onset, duration]) => onset + duration > from);
    const voices = left.map(([onset, duration, pitch]) => {
      const begin = at + (Math.max(onset, from) - from) * secondsPerTick;
      const end = at + (onset + duration - from) * secondsPerTick;
      return strike(context, entrance, wave, pitch, accents.has(onset) ? 0.34 : 0.27, begin, end);
    });
    return () => {
      const now = context.currentTime;
      own.gain.setTargetAtTime(0, now, 0.012);
      voices.forEach((voice) => voice.stop(now + 0.1));
      setTimeout(() => own.disconnect(), 300);
    };
  }

  // The whole melody as samples.
  function rendered(melody, secondsPerTick) {
    const seconds = melody.ticks * secondsPerTick + ECHO;
    const context = new OfflineAudioContext(1, Math.ceil(seconds * RATE), RATE);
    play(context, context.destination, melody, secondsPerTick, 0, 0);
    return context.startRendering();
  }

  // The bytes of a WAV file of 16-bit samples, one channel.
  function wav(buffer) {
    const samples = buffer.getChannelData(0);
    const size = 2 * samples.length;
    const view = new DataView(new ArrayBuffer(44 + size));
    const text = (at, letters) => [...letters].forEach((each, i) => view.setUint8(at + i, each.charCodeAt(0)));
    text(0, "RIFF");
    view.setUint32(4, 36 + size, true);
    text(8, "WAVEfmt ");
    view.setUint32(16, 16, true); // bytes of the format that follows
    view.setUint16(20, 1, true); // plain samples
    view.setUint16(22, 1, true); // one channel
    view.setUint32(24, buffer.sampleRate, true);
    view.setUint32(28, 2 * buffer.sampleRate, true);
    view.setUint16(32, 2, true); // bytes a sample
    view.setUint16(34, 16, true); // bits a sample
    text(36, "data");
    view.setUint32(40, size, true);
    samples.forEach((each, i) => view.setInt16(44 + 2 * i, Math.round(Math.max(-1, Math.min(1, each)) * 32767), true));
    return new Uint8Array(view.buffer);
  }

  return { play, rendered, wav };
})();
