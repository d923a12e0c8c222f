"""The models of a comparison, by the hash of what they were made from."""

from pathlib import Path

from hashlens.model import Model
from hashlens.model_store import MODEL_FILE
from hashlens.reproduce.store import Store


class KeptModels:
    """Models that were trained: in the folder of a store, or in memory where there is none.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._in_memory: dict[str, Model] = {}

    def place(self, name: str) -> Path | None:
        """Folder of a model, or None where it stays in memory."""
        return self.store.place("models", name)

    def find(self, name: str) -> Model | None:
        """Give the model of this name; None if it was not trained, or not to the end."""
        folder = self.place(name)
        if folder is None:
            return self._in_memory.get(name)
        return Model.load(folder) if (folder / MODEL_FILE).exists() else None

    def keep(self, name: str, model: Model) -> None:
        """Keep a model under a name."""
        folder = self.place(name)
        if folder is None:
            self._in_memory[name] = model
        else:
            model.save(folder)
