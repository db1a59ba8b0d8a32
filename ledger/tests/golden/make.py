#!/usr/bin/env python3
"""Makes the golden tables of this folder: python3 make.py

positions.jsonl: random fills and the position after each, by the three cost methods; lots after the last.
statuses.csv: the status of an order for all combinations of facts.

The script computes with fractions and rounds at 24 decimal places, half to even. It shares no code with the ledger."""
import itertools
import json
import pathlib
import random
from fractions import Fraction

FOLDER = pathlib.Path(__file__).parent
SEED = 24
SCALE = 10**24
CASES = 21
FILLS = 16


def rounded(value):
    units, rest = divmod(value.numerator * SCALE, value.denominator)
    if 2 * rest > value.denominator or (2 * rest == value.denominator and units % 2):
        units += 1
    return Fraction(units, SCALE)


def text(value):
    units = value * SCALE
    assert units.denominator == 1
    digits = str(abs(units.numerator)).rjust(25, "0")
    whole, decimals = digits[:-24], digits[-24:].rstrip("0")
    return ("-" if units < 0 else "") + whole + ("." + decimals if decimals else "")


class Position:
    def __init__(self, method):
        self.method = method
        self.quantity = self.cost = self.realized = Fraction(0)
        self.lots = []

    def trade(self, name, quantity, price, value):
        """value(quantity): what the quantity is worth at the price of the fill"""
        closed = Fraction(0)
        if self.quantity * quantity < 0:
            closed = min(abs(quantity), abs(self.quantity))
            self.close(closed if quantity > 0 else -closed, value)
        opened = abs(quantity) - closed
        if opened:
            opened = opened if quantity > 0 else -opened
            self.quantity += opened
            self.cost += value(opened)
            self.lots.append([opened, value(opened), price, name])

    def close(self, quantity, value):
        if abs(quantity) == abs(self.quantity):
            removed = self.cost
            self.lots = []
        elif self.method == "average":
            removed = rounded(self.cost * abs(quantity) / abs(self.quantity))
        else:
            removed = self.take(abs(quantity))
        self.realized += -value(quantity) - removed
        self.cost -= removed
        self.quantity += quantity

    def take(self, wanted):
        removed = Fraction(0)
        while wanted:
            lot = self.lots[0 if self.method == "fifo" else -1]
            taken = min(wanted, abs(lot[0]))
            part = lot[1] if taken == abs(lot[0]) else rounded(lot[1] * taken / abs(lot[0]))
            lot[0] -= taken if lot[0] > 0 else -taken
            lot[1] -= part
            removed += part
            wanted -= taken
            if not lot[0]:
                self.lots.remove(lot)
        return removed

    def row(self, with_lots):
        row = {
            "quantity": text(self.quantity),
            "open_cost": text(self.cost),
            "realized": text(self.realized),
        }
        if with_lots and self.method != "average":
            row["lots"] = [[text(lot[0]), text(lot[1]), text(lot[2]), lot[3]] for lot in self.lots]
        return row


def number(generator, digits, decimals):
    return Fraction(generator.randrange(1, 10**digits), 10**decimals)


def case(generator, index):
    inverse = index % 5 == 4
    multiplier = generator.choice([Fraction(1), Fraction(1), Fraction(100), Fraction(1, 100)])
    wide = index % 7 == 6
    positions = {method: Position(method) for method in ("average", "fifo", "lifo")}
    fills = []
    for at in range(FILLS):
        quantity = number(generator, 16 if wide else 5, 6 if wide else generator.choice([0, 2, 3]))
        if at % 6 == 5 and positions["average"].quantity:
            quantity = abs(positions["average"].quantity)
        side = generator.choice(["buy", "sell"])
        price = number(generator, 14 if wide else 6, 6 if wide else 2)
        if index % 3 == 2 and not inverse and generator.random() < 0.3:
            price = -price
        signed = quantity if side == "buy" else -quantity

        def value(part):
            if inverse:
                return -rounded(part * multiplier / price)
            return part * price * multiplier

        fee = None
        if generator.random() < 0.5:
            fee = number(generator, 4, 5)
            if generator.random() < 0.2:
                fee = -fee
        from_quantity = fee is not None and index % 4 == 3 and not wide
        for position in positions.values():
            position.trade(f"f{at}", signed, price, value)
            if from_quantity:
                position.trade(f"f{at}", -fee, Fraction(0), lambda part: Fraction(0))
        fills.append(
            {
                "side": side,
                "quantity": text(quantity),
                "price": text(price),
                "fee": None if fee is None else text(fee),
                "fee_taken_from_quantity": from_quantity,
                **{method: position.row(at == FILLS - 1) for method, position in positions.items()},
            }
        )
    return {"case": index, "multiplier": text(multiplier), "inverse": inverse, "fills": fills}


def statuses():
    """Facts in the order of precedence; the first that holds gives the status."""
    names = ["acknowledged", "executed", "closing", "stopped", "suspended", "done_for_day", "pending"]
    closings = ["", "rejected", "denied", "canceled", "expired"]
    executed = ["none", "part", "all", "more"]
    requests = ["", "cancel", "replace", "both"]
    flags = ["no", "yes"]
    yield ",".join(names + ["status"])
    facts = itertools.product(flags, executed, closings, flags, flags, flags, requests)
    for acknowledged, amount, closing, stopped, suspended, done, pending in facts:
        refused = closing in ("rejected", "denied")
        rules = [
            (pending in ("cancel", "both"), "pending_cancel"),
            (pending in ("replace", "both"), "pending_replace"),
            (done == "yes", "done_for_day"),
            (amount in ("all", "more"), "filled"),
            (stopped == "yes" and not closing, "stopped"),
            (suspended == "yes" and not closing, "suspended"),
            (closing in ("canceled", "expired"), closing),
            (amount != "none" and not refused, "partially_filled"),
            (refused, closing),
            (acknowledged == "yes", "new"),
            (True, "pending_new"),
        ]
        status = next(status for holds, status in rules if holds)
        yield ",".join([acknowledged, amount, closing, stopped, suspended, done, pending, status])


def main():
    generator = random.Random(SEED)
    cases = [json.dumps(case(generator, index), separators=(",", ":")) for index in range(CASES)]
    (FOLDER / "positions.jsonl").write_text("\n".join(cases) + "\n")
    (FOLDER / "statuses.csv").write_text("\n".join(statuses()) + "\n")


main()
