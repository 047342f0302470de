"""What the sample's repository holds, commit by commit: a program that keeps the stock of a small shop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Commit:
    """Files that a commit adds or changes, on a branch, by path; each commit follows the one before."""

    message: str
    files: Mapping[str, str]
    branch: str = "main"
    tag: str = ""


README: Final = """# Inventory

Keeps the stock of a small shop: what is there, what was ordered, what has to be bought.

    python -m inventory stock.csv
"""

PYPROJECT: Final = """[project]
name = "inventory"
version = "0.2.0"
requires-python = ">=3.11"
"""

STOCK: Final = '''"""What lies on the shelves."""

from dataclasses import dataclass, field


@dataclass
class Item:
    """A thing that is sold, with its price in cents."""

    sku: str
    name: str
    price_cents: int


@dataclass
class Stock:
    """How many of each item there are."""

    items: dict[str, Item] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, item: Item, count: int) -> None:
        """Put items on the shelf."""
        self.items[item.sku] = item
        self.counts[item.sku] = self.counts.get(item.sku, 0) + count

    def take(self, sku: str, count: int) -> None:
        if self.counts.get(sku, 0) < count:
            raise OutOfStock(sku)
        self.counts[sku] -= count

    def total_value(self) -> int:
        return sum(self.items[sku].price_cents * count for sku, count in self.counts.items())


class OutOfStock(Exception):
    """There are not enough of an item."""
'''

ORDERS: Final = '''"""Orders of customers."""

from dataclasses import dataclass

from inventory.stock import OutOfStock, Stock


@dataclass
class Line:
    """So many of one item."""

    sku: str
    count: int


def fulfil(stock: Stock, lines: list[Line]) -> list[Line]:
    """Take an order from the stock; return the lines for which there was not enough."""
    missing = []
    for line in lines:
        try:
            stock.take(line.sku, line.count)
        except OutOfStock:
            missing.append(line)
    return missing


def total_value(stock: Stock, lines: list[Line]) -> int:
    return sum(stock.items[line.sku].price_cents * line.count for line in lines)
'''

REPORT: Final = '''"""What the shop tells its owner."""

from inventory.stock import Stock

LOW = 5


def low_items(stock: Stock) -> list[str]:
    """Return the names of items of which few are left."""
    return sorted(stock.items[sku].name for sku, count in stock.counts.items() if count < LOW)


def summary(stock: Stock) -> str:
    return f"{len(stock.items)} items worth {stock.total_value() / 100:.2f}, {len(low_items(stock))} low"
'''

READING: Final = '''"""Stock from a file of comma-separated values: sku, name, price, count."""

import csv
from pathlib import Path

from inventory.stock import Item, Stock


def read_stock(path: Path) -> Stock:
    """Return what a file lists; raises ValueError for a line that does not fit."""
    stock = Stock()
    with path.open(newline="") as stream:
        for sku, name, price, count in csv.reader(stream):
            stock.add(Item(sku, name, round(float(price) * 100)), int(count))
    return stock
'''

MAIN: Final = '''"""Print a summary of a stock file."""

import sys
from pathlib import Path

from inventory.reading import read_stock
from inventory.report import low_items, summary

if __name__ == "__main__":
    stock = read_stock(Path(sys.argv[1]))
    print(summary(stock))
    for name in low_items(stock):
        print(f"  low: {name}")
'''

TESTS: Final = """from inventory.orders import Line, fulfil
from inventory.stock import Item, Stock


def make_stock() -> Stock:
    stock = Stock()
    stock.add(Item("p1", "Pen", 120), 10)
    stock.add(Item("b1", "Book", 1_250), 2)
    return stock


def test_an_order_takes_from_the_stock() -> None:
    stock = make_stock()
    assert fulfil(stock, [Line("p1", 4), Line("b1", 3)]) == [Line("b1", 3)]
    assert stock.counts == {"p1": 6, "b1": 2}


def test_the_total_value_counts_every_item() -> None:
    assert make_stock().total_value() == 10 * 120 + 2 * 1_250
"""

COMMITS: Final = (
    Commit(
        "Keep items and their counts",
        {
            "README.md": README,
            "pyproject.toml": PYPROJECT.replace("0.2.0", "0.1.0"),
            "src/inventory/__init__.py": "",
            "src/inventory/stock.py": STOCK,
        },
    ),
    Commit("Take orders from the stock", {"src/inventory/orders.py": ORDERS, "tests/test_orders.py": TESTS}),
    Commit(
        "Read stock from a file, and tell what is low",
        {
            "pyproject.toml": PYPROJECT,
            "src/inventory/__main__.py": MAIN,
            "src/inventory/reading.py": READING,
            "src/inventory/report.py": REPORT,
        },
        tag="v0.2.0",
    ),
    Commit(
        "Try another limit for what is low",
        {"src/inventory/report.py": REPORT.replace("LOW = 5", "LOW = 3")},
        branch="lower-limit",
    ),
)
