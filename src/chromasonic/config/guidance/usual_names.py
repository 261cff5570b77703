"""Names and values that people know from elsewhere, and what they are called here."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from chromasonic.melody_generation.errors import did_you_mean

# What options are called elsewhere -> their names here. A command takes the first one that it has.
_NAMES = {
    "learning_rate": "lr rate eta alpha",
    "batch_size": "bs batch batchsize n_batch per_device_train_batch_size",
    "epochs": "epoch n_epochs num_epochs max_epochs num_train_epochs e ep iterations steps",
    "num_layers": "layers layer n_layers n_layer num_layer depth nlayers",
    "hidden_size": "hidden width hidden_dim hidden_units n_hidden units d_model n_embd embed_dim dim size",
    "model.num_heads": "heads n_heads n_head nhead num_heads",
    "dropout": "drop drop_rate dropout_rate p_drop",
    "optimizer.weight_decay": "weight_decay wd decay l2",
    "optimizer.momentum": "momentum",
    "patience": "early_stopping early_stop early_stopping_patience",
    "scheduler": "sched schedule lr_scheduler lr_schedule",
    "scheduler.step_size": "step_size",
    "scheduler.gamma": "gamma lr_decay",
    "optimizer": "optim opt optimiser",
    "dataset": "data ds corpus_name",
    "dataset.corpus.folder": "data_dir datadir data_path dataset_path folder",
    "dataset.split_seed": "split_seed",
    "model": "arch architecture network net model_name model_type",
    "experiment": "exp recipe config",
    "logger": "log logging loggers tracker",
    "trainer.accelerator": "accelerator device gpu gpus cuda cpu use_gpu",
    "trainer.devices": "devices n_gpus num_gpus",
    "trainer.precision": "precision fp16 bf16 amp half mixed_precision dtype",
    "trainer.gradient_clip_val": "clip grad_clip gradient_clip max_grad_norm clip_grad_norm",
    "max_melody_length": "max_length max_len seq_len sequence_length block_size context_length",
    "min_melody_length": "min_length min_len",
    "num_sequences": "n_sequences n_tunes n_melodies num_melodies",
    "resume": "resume_from checkpoint ckpt continue from_checkpoint",
    "init_from": "pretrained init load weights finetune",
    "run": "model checkpoint ckpt model_path run_dir path runs weights",
    "runs": "run models checkpoints",
    "output_dir": "out output outdir out_dir output_path save_dir save_path dir directory folder name",
    "count": "n num number n_samples num_samples samples n_melodies num_melodies how_many size",
    "n_samples": "n num number samples num_samples count n_melodies",
    "n_tunes": "n num number n_samples tunes count",
    "temperature": "temp t",
    "metre": "meter time time_signature signature timesig",
    "key": "tonic root key_signature",
    "mode": "scale",
    "kind": "style genre type rhythm",
    "bars": "length measures n_bars num_bars",
    "max_notes": "max_length max_len max_tokens max_new_tokens",
    "primer": "prompt input start seed_melody file midi abc",
    "tempo": "bpm qpm speed",
    "formats": "format output_format export filetype",
    "melodies": "melody input file files folder tunes primer",
    "answers": "answer answers_dir input folder",
    "seed": "random_seed rng manual_seed",
    "jobs": "n_jobs num_workers workers threads processes j",
}
_HERE = [(other, name) for name, others in _NAMES.items() for other in others.split()]
# What values are called elsewhere, by the last part of the option's name.
_VALUES = {
    "precision": {
        **dict.fromkeys(("fp16", "float16", "half", "amp", "mixed", "16bit", "f16"), "16-mixed"),
        **dict.fromkeys(("bfloat16", "bf16_mixed", "bfloat", "fp8"), "bf16-mixed"),
        **dict.fromkeys(("fp32", "float32", "full", "single", "f32", "tf32"), "32-true"),
        **dict.fromkeys(("fp64", "float64", "double"), "64-true"),
    },
    "accelerator": {
        **dict.fromkeys(("cuda", "cuda:0", "gpu0", "gpu:0", "nvidia", "0"), "gpu"),
        "none": "cpu",
        "metal": "mps",
    },
    "model": {
        **dict.fromkeys(("gpt", "gpt2", "bert", "attention", "nanogpt", "decoder"), "transformer"),
        **dict.fromkeys(("rnn", "gru"), "lstm"),
        **dict.fromkeys(("ngram", "n-gram", "bigram", "trigram"), "markov"),
        "idyom": "ppm",
    },
    "logger": {"tb": "tensorboard", "false": "none", "null": "none"},
    "scheduler": {"plateau": "reduce_on_plateau", "onecycle": "one_cycle", "none": "constant", "null": "constant"},
}


def usual_name(name: str, names: Collection[str]) -> str | None:
    """Return what an option of other programs is called here; None if it is unknown.

    Args:
        name: The name as typed.
        names: The options that there are.

    Example:
        >>> usual_name("lr", ["epochs", "learning_rate"]), usual_name("LR", ["epochs"])
        ('learning_rate', None)
    """
    typed = name.lower().replace("-", "_")
    if typed in names:
        return typed
    return next((here for other, here in _HERE if other == typed and here in names), None)


def meant_name(name: str, names: Collection[str]) -> str:
    """Return a hint at the option that was meant; empty if none is near.

    Example:
        >>> meant_name("bs", ["batch_size"]), meant_name("epoch_s", ["epochs"])
        (', did you mean batch_size?', ', did you mean epochs?')
    """
    usual = usual_name(name, names)
    return f", did you mean {usual}?" if usual else did_you_mean(name, names)


def meant_value(name: str, value: str, values: Iterable[str]) -> str:
    """Return a hint at the value that was meant; empty if none is near.

    Args:
        name: The option.
        value: The value as typed.
        values: The values that there are.

    Example:
        >>> meant_value("trainer.precision", "fp16", ["16-mixed", "32-true"])
        ', did you mean 16-mixed?'
    """
    usual = _VALUES.get(name.rpartition(".")[2], {}).get(value.lower())
    listed = list(values)
    return f", did you mean {usual}?" if usual in listed else did_you_mean(value, listed)


def top_names() -> list[str]:
    """Return the names of other options of ``train``, below the top of its configuration, that have a usual name."""
    return [name for name in _NAMES if "." in name]
