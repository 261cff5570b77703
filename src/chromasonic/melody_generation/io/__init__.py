"""Read and write music: ABC, MIDI, MusicXML, kern, sound and engraved notation."""
