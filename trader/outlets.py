"""What leaves for files and others: the outbox with its consumers, and the market's record."""

import random

from trader import __version__
from trader.config import ConfigError, Configuration
from trader.config.model import redis_parts
from trader.config.redis_secret import redis_tls
from trader.engine.market.bar_keeper import BarKeeper
from trader.engine.market.recorder import Recorder
from trader.engine.services import Services
from trader.engine.told.board import Board
from trader.engine.told.outbox import Outbox, Subscription
from trader.housekeeping import Housekeeping, places_of
from trader.ops.recording_files import MARKET_FOLDER_NAME, RecordingFiles
from trader.ops.redis_streams import RedisKeys, RedisPlace, RedisStreams
from trader.ops.stream_files import OUTBOX_FOLDER_NAME, FileLimits, StreamFiles
from trader.ports import SinkFailed
from trader.store.journal import SqliteJournal
from trader.store.stream_views import FILES_CONSUMER
from trader.store.streams import JournalStreams


def _into_redis(config: Configuration) -> tuple[str, RedisStreams] | None:
    """Return the message broker with its consumer's name, None unless one is configured."""
    redis = config.settings.outbox.redis
    if redis is None:
        return None
    parts = redis_parts(redis.url)
    assert parts is not None, "the settings were checked"

    def password() -> str:
        try:
            return config.redis_password()
        except ConfigError as error:
            raise SinkFailed(str(error)) from error

    _, host, port, database = parts
    place = RedisPlace(
        host=host,
        port=port,
        database=database,
        username=redis.username,
        password=password,
        tls=redis_tls(redis),
        connect_s=redis.connect_s,
        answer_s=redis.answer_s,
    )
    return redis.consumer, RedisStreams(place, RedisKeys(redis.key_prefix, redis.maxlen))


class Outlets:
    """Built once, in the composition root."""

    def __init__(
        self,
        config: Configuration,
        services: Services,
        journal: SqliteJournal,
        *,
        chance: random.Random,
        board: Board,
        bars: BarKeeper,
    ) -> None:
        settings = config.settings.outbox
        subscriptions: tuple[Subscription, ...] = ()
        self._broker: tuple[str, RedisStreams] | None = None
        if settings.is_enabled:
            limits = FileLimits(settings.rotate_bytes, settings.kept_files)
            folder = settings.folder or config.settings.state_dir / OUTBOX_FOLDER_NAME
            files = StreamFiles(folder, limits)
            subscriptions = (Subscription(FILES_CONSUMER, files),)
            self._broker = _into_redis(config)
            if self._broker is not None:
                subscriptions += (Subscription(*self._broker),)
        source = JournalStreams(journal, services.clock)
        self._outbox = Outbox(services, source, chance, subscriptions)
        board.outbox = self._outbox.status
        services.ledger.observe(self._outbox.on_recorded)
        self.housekeeping = Housekeeping(
            services, places_of(config), self._outbox.delivered_seq, source
        )

        self._recorder: Recorder | None = None
        if config.settings.market_data.record:
            market = RecordingFiles(config.settings.state_dir / MARKET_FOLDER_NAME)
            self._recorder = Recorder(services, market, chance, __version__, bars)
            board.recording = self._recorder.status

    def start(self) -> None:
        """Start the consumers, the record, and what clears up behind them and others."""
        self._outbox.start()
        if self._recorder is not None:
            self._recorder.start()
        self.housekeeping.start()

    async def finish(self) -> None:
        """Hand over what was recorded last; to be called while the journal still writes."""
        if self._recorder is not None:
            await self._recorder.finish()
        await self._outbox.finish()
        if self._broker is not None:
            self._broker[1].close()
