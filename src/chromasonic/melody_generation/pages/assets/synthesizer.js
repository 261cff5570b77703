// Synthesises melodies for playing and for WAV files, with the instruments and the parameters of io/write_audio.py.
"use strict";

const Synthesizer = ({ rate, tuning, highest, peak, chordLoudness, instruments }) => {
  const FADE = 0.012; // seconds of fading in or out where playing begins or stops within a note
  const rings = new Map(); // by instrument and pitch: samples of a note that goes on, as long as was needed so far

  const frequency = (pitch) => tuning * 2 ** ((pitch - 69) / 12);

  function ring(instrument, pitch, length) {
    const { harmonics, fadesIn, attack } = instruments[instrument];
    const key = `${instrument} ${pitch}`;
    if (rings.get(key)?.length >= length) return rings.get(key);
    const samples = new Float32Array(length);
    harmonics.forEach((strength, index) => {
      const number = index + 1;
      if (number * frequency(pitch) >= highest * rate) return;
      const angle = (2 * Math.PI * number * frequency(pitch)) / rate;
      // High notes and high harmonics decay faster.
      const seconds = (fadesIn * Math.sqrt(261.6 / frequency(pitch))) / number ** 0.7;
      const decay = Math.exp(-1 / (rate * seconds));
      // A decaying sine, each sample computed from the two before it.
      const [once, twice] = [2 * decay * Math.cos(angle), -decay * decay];
      let [before, now] = [0, strength * decay * Math.sin(angle)];
      for (let i = 1; i < length; i++) {
        samples[i] += now;
        [before, now] = [now, once * now + twice * before];
      }
    });
    for (let i = 0; i < Math.min(length, attack * rate); i++) samples[i] *= i / (attack * rate);
    rings.set(key, samples);
    return samples;
  }

  // The whole melody as samples. Notes are [onset, duration, pitch], in ticks. The manner of playing says: seconds per
  // tick, the instrument, whether the chords sound, and by how many semitones all is transposed.
  function mixed(melody, { secondsPerTick, instrument, withChords, semitones }) {
    const { release } = instruments[instrument];
    const perTick = secondsPerTick * rate;
    const sound = new Float32Array(
      Math.floor(melody.ticks * perTick) + Math.floor(2 * release * rate) + 1,
    );
    const loud = melody.notes.map((note, index) => [...note, melody.accents[index]]);
    const soft = withChords ? melody.chords.map((note) => [...note, chordLoudness]) : [];
    for (const [onset, duration, pitch, loudness] of [...loud, ...soft]) {
      const seconds = (duration * perTick) / rate;
      const tone = ring(instrument, pitch + semitones, Math.floor((seconds + release) * rate));
      const begin = Math.floor(onset * perTick);
      const length = Math.min(Math.floor((seconds + release) * rate), sound.length - begin);
      for (let i = 0; i < length; i++) {
        const ending = Math.max(0, Math.min(1, (i / rate - seconds) / release));
        sound[begin + i] += loudness * (ending ? tone[i] * Math.cos((ending * Math.PI) / 2) : tone[i]);
      }
    }
    const loudest = sound.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    return loudest ? sound.map((each) => (each * peak) / loudest) : sound;
  }

  // Plays a melody from a tick to its end. All notes are scheduled on the audio clock at once, so that a page in the
  // background keeps playing. Returns a function that stops it.
  function play(context, destination, melody, manner, from, at) {
    const samples = mixed(melody, manner);
    const buffer = context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    const own = context.createGain();
    own.gain.setValueAtTime(from ? 0 : 1, at);
    own.gain.linearRampToValueAtTime(1, at + FADE);
    source.connect(own).connect(destination);
    source.start(at, from * manner.secondsPerTick);
    return () => {
      const now = context.currentTime;
      own.gain.cancelScheduledValues(now);
      own.gain.setTargetAtTime(0, now, FADE);
      source.stop(now + 0.1);
      setTimeout(() => own.disconnect(), 300);
    };
  }

  // The bytes of a WAV file of 16-bit samples, one channel.
  function wav(melody, manner) {
    const samples = mixed(melody, manner);
    const size = 2 * samples.length;
    const view = new DataView(new ArrayBuffer(44 + size));
    const text = (at, letters) => [...letters].forEach((each, i) => view.setUint8(at + i, each.charCodeAt(0)));
    text(0, "RIFF");
    view.setUint32(4, 36 + size, true);
    text(8, "WAVEfmt ");
    view.setUint32(16, 16, true); // bytes of the format that follows
    view.setUint16(20, 1, true); // plain samples
    view.setUint16(22, 1, true); // one channel
    view.setUint32(24, rate, true);
    view.setUint32(28, 2 * rate, true);
    view.setUint16(32, 2, true); // bytes a sample
    view.setUint16(34, 16, true); // bits a sample
    text(36, "data");
    view.setUint32(40, size, true);
    samples.forEach((each, i) => view.setInt16(44 + 2 * i, Math.trunc(each * 32767), true));
    return new Uint8Array(view.buffer);
  }

  return { play, wav };
};
