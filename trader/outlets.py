"""What leaves the journal for others: the outbox with its consumers, tied to the daemon."""

import random

from trader.config import Configuration
from trader.engine.board import Board
from trader.engine.outbox import Outbox, Subscription
from trader.engine.services import Services
from trader.housekeeping import Housekeeping, places_of
from trader.ops.stream_files import OUTBOX_FOLDER_NAME, FileLimits, StreamFiles
from trader.store.journal import SqliteJournal
from trader.store.stream_views import FILES_CONSUMER
from trader.store.streams import JournalStreams


class Outlets:
    """Built once, in the composition root."""

    def __init__(
        self,
        config: Configuration,
        services: Services,
        *,
        journal: SqliteJournal,
        chance: random.Random,
        board: Board,
    ) -> None:
        settings = config.settings.outbox
        subscriptions: tuple[Subscription, ...] = ()
        if settings.is_enabled:
            limits = FileLimits(settings.rotate_bytes, settings.kept_files)
            folder = settings.folder or config.settings.state_dir / OUTBOX_FOLDER_NAME
            files = StreamFiles(folder, limits)
            subscriptions = (Subscription(FILES_CONSUMER, files),)
        source = JournalStreams(journal, services.clock)
        self._outbox = Outbox(services, source, chance, subscriptions)
        board.outbox = self._outbox.status
        services.ledger.observe(self._outbox.on_recorded)
        self.housekeeping = Housekeeping(
            services, places_of(config), self._outbox.delivered_seq, source
        )

    def start(self) -> None:
        """Start the consumers, and what clears up behind them and others."""
        self._outbox.start()
        self.housekeeping.start()

    async def finish(self) -> None:
        """Hand over what was recorded last; to be called while the journal still writes."""
        await self._outbox.finish()
