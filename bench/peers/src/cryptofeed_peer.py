"""Reads recorded messages with cryptofeed. Takes one question a line and answers each with one line of JSON."""

import asyncio
import json
import logging
import platform
import sys
import time
from importlib.metadata import version

from cryptofeed.defines import L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import Binance, Coinbase, Kraken, OKX
from cryptofeed.symbols import Symbols

EXCHANGES = {"binance": Binance, "coinbase": Coinbase, "kraken": Kraken, "okx": OKX}


class Answers:
    """The snapshots of a session in place of a connection over HTTP."""

    def __init__(self, bodies):
        self.bodies = bodies

    async def read(self, address, **_):
        return self.bodies[address.split("symbol=")[1].split("&")[0]]


class Case:
    def __init__(self, question):
        exchange = EXCHANGES[question["exchange"]]
        symbols = question["symbols"]
        # the names of the venue are the names here, so that no list of instruments is fetched
        names = {symbol: symbol for symbol in symbols}
        Symbols.set(exchange.id, names, {"instrument_type": {}, "tick_size": {}})
        channels = [
            channel
            for channel in (L2_BOOK, TRADES, TICKER)
            if channel in exchange.websocket_channels
        ]
        callbacks = {L2_BOOK: self.book, TRADES: self.trade, TICKER: self.ticker}
        self.feed = exchange(
            symbols=symbols,
            channels=channels,
            callbacks={channel: callbacks[channel] for channel in channels},
        )
        self.feed.http_conn = Answers(question["answers"])
        self.setup = question["setup"]
        self.snapshots = list(question["answers"])
        self.messages = question["messages"]
        self.records = 0
        self.total = 0.0

    async def book(self, record, _):
        self.records += 1

    async def trade(self, record, _):
        self.records += 1

    async def ticker(self, record, _):
        self.records += 1

    async def summed_trade(self, record, _):
        self.records += 1
        self.total += float(record.price + record.amount)

    async def summed_ticker(self, record, _):
        self.records += 1
        self.total += float(record.bid) + float(record.ask)

    async def begin(self):
        self.feed._l2_book = {}
        if self.snapshots:
            self.feed._reset()
        for symbol in self.snapshots:
            await self.feed._snapshot(symbol)
        for text, at in self.setup:
            await self.feed.message_handler(text, None, at)
        self.records = 0

    async def check(self):
        await self.begin()
        self.total = 0.0
        callbacks = self.feed.callbacks
        callbacks[TRADES], callbacks[TICKER] = [self.summed_trade], [self.summed_ticker]
        for text, at in self.messages:
            await self.feed.message_handler(text, None, at)
        callbacks[TRADES], callbacks[TICKER] = [self.trade], [self.ticker]
        tops = {
            symbol: [float(side.index(0)[0]) for side in (book.book.bids, book.book.asks)]
            for symbol, book in self.feed._l2_book.items()
        }
        return {"records": self.records, "sum": self.total, "tops": tops}

    async def turn(self, repeats):
        cpu = wall = 0.0
        handle = self.feed.message_handler
        for _ in range(repeats):
            await self.begin()
            cpu_begun, wall_begun = time.process_time(), time.perf_counter()
            for text, at in self.messages:
                await handle(text, None, at)
            cpu += time.process_time() - cpu_begun
            wall += time.perf_counter() - wall_begun
        return {"messages": repeats * len(self.messages), "cpu": cpu, "wall": wall}


async def answer(question, cases):
    match question["do"]:
        case "version":
            python = platform.python_version()
            return {"version": f"cryptofeed {version('cryptofeed')}, Python {python}"}
        case "keep":
            cases.append(Case(question))
            return {"number": len(cases) - 1}
        case "check":
            return await cases[question["number"]].check()
        case "turn":
            return await cases[question["number"]].turn(question["repeats"])


async def main():
    logging.disable(logging.CRITICAL)
    cases = []
    for line in sys.stdin:
        try:
            found = await answer(json.loads(line), cases)
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(found), flush=True)


asyncio.run(main())
