"""What the trainer calls between steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class Narrator(TrainerCallback):  # type: ignore[misc]
    """Passes step, number of steps and loss on to a progress display."""

    def __init__(self, tell: Callable[[int, int, float], None]) -> None:
        """Keep whom to tell."""
        self._tell = tell

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **kwargs: object,
    ) -> None:
        """Tell the loss of the last logged step."""
        if logs and "loss" in logs:
            self._tell(int(state.global_step), int(state.max_steps), float(logs["loss"]))


class Stop(TrainerCallback):  # type: ignore[misc]
    """Ends a run early without changing its schedule, as an interruption would."""

    def __init__(self, step: int) -> None:
        """Keep the last step to run."""
        self._step = step

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """Save and stop once the step is reached."""
        if state.global_step >= self._step:
            control.should_save = True
            control.should_training_stop = True
