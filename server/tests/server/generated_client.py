"""Reads and writes with the client that openapi-python-client generates. Argument: the address of a server."""

import datetime
import sys

from client import Client
from client.api.candles import list_candles
from client.api.symbols import get_symbol, list_symbols
from client.api.ticks import count_ticks, get_tick_as_of, insert_ticks, list_ticks
from client.models import NewTick, ProblemBody
from client.models.list_ticks_order import ListTicksOrder

client = Client(base_url=sys.argv[1], raise_on_unexpected_status=True)

symbols = list_symbols.sync(client=client)
symbol = symbols.data[0]
name = f"{symbol.exchange}:{symbol.name}"
assert get_symbol.sync(name, client=client).symbol_id == symbol.symbol_id

start = datetime.datetime(2014, 5, 1, tzinfo=datetime.timezone.utc)
ticks = [
    NewTick(symbol_id=symbol.symbol_id, tick_time=start + datetime.timedelta(seconds=second), bid_price="1.38676",
            ask_price="1.38682")
    for second in range(3)
]
receipt = insert_ticks.sync(client=client, body=ticks)
assert (receipt.inserted, receipt.rejected) == (3, []), receipt

day = {"from_": datetime.date(2014, 5, 1), "to": start + datetime.timedelta(days=1)}
page = list_ticks.sync(name, client=client, order=ListTicksOrder.DESC, limit=2, **day)
assert [tick.tick_time.second for tick in page.data] == [2, 1], page
rest = list_ticks.sync(name, client=client, order=ListTicksOrder.DESC, limit=2, cursor=page.next_cursor, **day)
assert [tick.bid_price for tick in rest.data] == ["1.38676"] and rest.next_cursor is None, rest
assert count_ticks.sync(name, client=client, **day).count == 3
assert get_tick_as_of.sync(name, client=client, at=start).tick_time == start
candles = list_candles.sync(name, client=client, timeframe="1m", **day)
assert candles.data[0].tick_count == 3, candles

problem = get_symbol.sync("nowhere:NOTHING", client=client)
assert isinstance(problem, ProblemBody) and problem.status == 404 and problem.request_id, problem
print("ok")
