"""The steps of a run on the disk: training from one of them on, and which of them can be gone on from."""

import shutil
from pathlib import Path

from transformers import Trainer, TrainerState

from assistant.errors import InputError
from finetune.output import STEPS, is_complete, newest_step, writing_to
from finetune.watch import ProgressLine

_STATE = "trainer_state.json"


def last_complete_step(output: Path) -> str:
    """The newest step from which a run can go on; one whose saving was cut short is passed over."""
    found = newest_step(output)
    if found is None:
        raise InputError(f"nothing to resume in {output / STEPS}; start without --resume")
    return str(found)


def train(trainer: Trainer, saved: str | None) -> None:
    """Train to the end, from the step `saved` on; where that was the run's last, only take its best step again.

    The Trainer would train one step more than was asked for. `trainer.state.log_history` holds what was measured before
    the first step too, also of a run that was resumed.
    """
    # Not by a call before: FSDP takes a model together with its optimiser, which the training makes.
    trainer.args.eval_on_start = saved is None
    state = TrainerState.load_from_json(str(Path(saved, _STATE))) if saved else TrainerState()
    steps = Path(trainer.args.output_dir)
    try:
        with writing_to(steps.parent):
            if _has_ended(state):
                _take_best(trainer, state)
            else:
                trainer.train(resume_from_checkpoint=saved)
    except InputError:
        _remove_incomplete(steps)
        raise
    finally:  # what stopped a run is told on a line of its own
        for callback in trainer.callback_handler.callbacks:
            if isinstance(callback, ProgressLine):
                callback.close()


def _remove_incomplete(steps: Path) -> None:
    for folder in steps.glob("checkpoint-*"):
        if not is_complete(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _take_best(trainer: Trainer, state: TrainerState) -> None:
    state.is_world_process_zero = trainer.is_world_process_zero()
    trainer.state = state
    if trainer.is_fsdp_enabled:  # the training would have sharded the model
        trainer.create_optimizer()
        trainer.model, trainer.optimizer = trainer.accelerator.prepare(trainer.model, trainer.optimizer)
    trainer.callback_handler.on_train_begin(trainer.args, state, trainer.control)
    trainer._load_best_model()


def _has_ended(state: TrainerState) -> bool:
    """Whether a run was to end at this step, by its plan or early, and its best step is still there."""
    control = state.stateful_callbacks.get("TrainerControl", {}).get("args", {})
    return bool(control.get("should_training_stop")) and Path(state.best_model_checkpoint or "", _STATE).is_file()
