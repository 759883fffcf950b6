"""Shows long work on a terminal: one bar, the step it is in, the time it took."""

from types import TracebackType

from tqdm import tqdm

from trainer.workplace import share_done

FULL = 100


class StepBar:
    """A progress bar on stderr, silent where that is no terminal."""

    def __enter__(self) -> "StepBar":
        self.bar = tqdm(total=FULL, disable=None, bar_format="{desc:<12}{percentage:3.0f}%|{bar:40}| {elapsed}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if error is None:
            self.bar.update(FULL - self.bar.n)
        self.bar.close()

    def report(self, step: str, done: float) -> None:
        self.bar.set_description_str(step, refresh=False)
        self.bar.update(max(share_done(step, done) * FULL - self.bar.n, 0))


class ShareBar:
    """A progress bar of one long step, on stderr, with the time left; silent where that is no terminal."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> "ShareBar":
        self.bar = tqdm(total=FULL, disable=None, desc=self.name,
                        bar_format="{desc:<12}{percentage:3.0f}%|{bar:40}| {elapsed}, {remaining} left")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.bar.close()

    def report(self, done: float) -> None:
        self.bar.update(max(done * FULL - self.bar.n, 0))
