"""A tree in tiles is the same tree: roots and proofs are those of `MerkleTree`, however it grew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain import tiles
from ledger_service.domain.merkle import MerkleTree, leaf_hash, verify_consistency, verify_inclusion
from ledger_service.domain.tiles import (
    WIDTH,
    TiledTree,
    TilePath,
    append,
    entry_bundle,
    number_path,
    open_tiles,
    parse_tile_path,
    width_of,
)
from ledger_service.errors import InvalidInput, NotFound

# Steps that end just before, at, and behind the edges of tiles, and others.
STEPS = st.lists(
    st.one_of(st.sampled_from((1, 255, 256, 257, 511, 512, 513)), st.integers(1, 700)), min_size=1, max_size=7
)


def leaves(first, count):
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(first, first + count)]


class Kept:
    """Tiles as a database keeps them: `grow` is given the open ones alone."""

    def __init__(self):
        self.size, self.tiles = 0, {}

    def grow(self, count):
        known = {tile: self.tiles[tile] for tile in open_tiles(self.size)}
        self.tiles |= append(self.size, known, leaves(self.size, count))
        self.size += count

    def tree(self, size=None):
        return TiledTree(self.size if size is None else size, lambda level, number: self.tiles[level, number])


def grown(*steps):
    kept = Kept()
    for step in steps:
        kept.grow(step)
    return kept


@given(STEPS)
def test_root_is_that_of_the_tree_in_memory_after_every_step(steps):
    kept, twin = Kept(), MerkleTree()
    for step in steps:
        for leaf in leaves(kept.size, step):
            twin.append(leaf)
        kept.grow(step)
        assert kept.tree().root() == twin.root()


@given(STEPS, st.data())
def test_proofs_are_those_of_the_tree_in_memory_for_any_size(steps, data):
    kept = grown(*steps)
    twin = MerkleTree(leaves(0, kept.size))
    size = data.draw(st.integers(1, kept.size), label="size")
    index = data.draw(st.integers(0, size - 1), label="index")
    tree = kept.tree()
    path, proof = tree.inclusion_proof(index, size), tree.consistency_proof(index + 1, size)
    assert path == twin.inclusion_proof(index, size)
    assert proof == twin.consistency_proof(index + 1, size)
    assert verify_inclusion(index, size, leaves(index, 1)[0], path, tree.root(size))
    assert verify_consistency(index + 1, size, tree.root(index + 1), tree.root(size), proof)


@given(STEPS)
def test_tiles_do_not_depend_on_the_batches(steps):
    assert grown(*steps).tiles == grown(sum(steps)).tiles


def test_proofs_of_many_entries_fold_the_tree_once(monkeypatch):
    """A case with 200 observations asks for as many proofs of one tree; each by itself would fold all of it."""
    tree, hashed = grown(200).tree(), []
    hash_two = tiles.node_hash
    monkeypatch.setattr(tiles, "node_hash", lambda left, right: hashed.append(None) or hash_two(left, right))
    for index in range(200):
        tree.inclusion_proof(index)
    assert len(hashed) < 200 * 8


@given(STEPS)
def test_full_tiles_never_change_and_others_only_grow(steps):
    kept = Kept()
    for step in steps:
        before = dict(kept.tiles)
        kept.grow(step)
        assert all(kept.tiles[tile].startswith(hashes) for tile, hashes in before.items())
        assert all(len(hashes) == 32 * width_of(kept.size, tile) for tile, hashes in kept.tiles.items())


def test_three_levels_are_reached():
    kept = grown(WIDTH * WIDTH + 1)
    assert {level for level, _ in kept.tiles} == {0, 1, 2}
    assert kept.tree().root() == MerkleTree(leaves(0, kept.size)).root()


def test_open_tiles_are_all_that_the_root_takes():
    for size in (1, 255, 256, 257, 65_536, 65_537, 65_536 + 256, 65_535):
        kept = grown(size)
        known = {tile: kept.tiles[tile] for tile in open_tiles(size)}
        assert TiledTree(size, lambda level, number, known=known: known[level, number]).root() == kept.tree().root()


@given(st.integers(1, 600).filter(lambda size: size % WIDTH), st.integers(0, 599), st.integers(0, 31))
def test_append_to_a_tile_that_was_cut_is_refused(size, cut, more):
    """The tile that the next leaf goes into; one further up is read once the one below it is full."""
    kept = grown(size)
    opened = {tile: kept.tiles[tile] for tile in open_tiles(size)}
    (tile, hashes), *_ = opened.items()
    opened[tile] = hashes[: min(cut, len(hashes) - 1)]
    with pytest.raises(ValueError, match="does not hold"):
        append(size, opened, leaves(size, more + 1))


def test_proof_from_a_tile_that_lacks_hashes_is_refused():
    kept = grown(300)
    kept.tiles[0, 0] = kept.tiles[0, 0][:-32]
    with pytest.raises(ValueError, match="lacks hashes"):
        kept.tree().inclusion_proof(3)


# --- addresses -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**15))
def test_tile_path_is_read_as_it_is_written(number):
    assert parse_tile_path(f"0/{number_path(number)}") == TilePath(0, number, 256)
    assert parse_tile_path(f"entries/{number_path(number)}.p/17") == TilePath(None, number, 17)


def test_tile_path_is_that_of_the_specification():
    assert number_path(1234067) == "x001/x234/067"
    assert parse_tile_path("2/x001/x234/067.p/255") == TilePath(2, 1234067, 255)


@pytest.mark.parametrize(
    "path",
    [
        *("", "0", "0/", "0/1", "0/01", "0/0001", "00/000", "-1/000", "6/000", "x/000", "entries", "entries/"),
        *("0/000/", "0/000.p/", "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/+1", "0/000.p/1/", "0/000.P/1"),
        *("0/x000/001", "0/x001", "0/001/002", "0/x001/x002", "0/٠٠٠", "0/000.p/١", "0//000", "0/000.p/1.p/1"),
        "0/" + "x001/" * 7 + "001",
    ],
)
def test_tile_path_that_is_written_another_way_is_none(path):
    with pytest.raises(NotFound):
        parse_tile_path(path)


@given(st.text(max_size=30))
def test_any_text_is_a_tile_path_or_none(path):
    try:
        found = parse_tile_path(path)
    except NotFound:
        return
    name = "entries" if found.level is None else found.level
    assert path == f"{name}/{number_path(found.number)}" + ("" if found.width == WIDTH else f".p/{found.width}")


def test_entry_bundle_has_each_entry_behind_its_length():
    assert entry_bundle([b"ab", b"", b"c" * 256]) == b"\x00\x02ab\x00\x00\x01\x00" + b"c" * 256
    with pytest.raises(InvalidInput):
        entry_bundle([bytes(65_536)])
