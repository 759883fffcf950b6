"""What the trainer refuses or cannot do, and how to mend it."""

from registry.errors import HyperMatchError


class TrainerError(HyperMatchError):
    """Root of what the trainer refuses."""


class RecipeError(TrainerError):
    """A recipe with an unknown key or an unusable value."""


class EncoderError(TrainerError):
    """An encoder that is not there or does not embed."""


class NotTrainable(TrainerError):
    """Labels from which no model can be learned."""


class ExportError(TrainerError):
    """An export that does not answer as the model it was made from."""


class NoSpace(TrainerError):
    """A full disk; nothing half-written was left."""


class Interrupted(TrainerError):
    """A run that was told to stop."""


class LeaseLost(TrainerError):
    """A run whose task another trainer holds now."""


class NotWatchable(TrainerError):
    """A task in which drift cannot be looked for yet."""


class NotAnswered(NotWatchable):
    """A window whose texts are not all answered yet; the next look goes on."""
