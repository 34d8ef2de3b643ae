"""RFC 6962 Merkle trees over SHA-256: hashes, inclusion proofs and consistency proofs, made and verified.

Names are the RFC's (section 2.1; RFC 9162 keeps them): MTH(D[n]) is the Merkle Tree Hash of the first n entries,
PATH(m, D[n]) the audit path of entry m, counted from 0, and PROOF(m, D[n]) what shows that D[m] is a prefix of D[n].
Leaves and nodes are hashed with different first bytes, so that neither can be taken for the other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from hashlib import sha256

_LEAF, _NODE = b"\x00", b"\x01"
_LENGTH = 32

EMPTY_ROOT = sha256().digest()  # MTH of no entries


def leaf_hash(entry: bytes) -> bytes:
    """MTH({entry})."""
    return sha256(_LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()


class Tree(ABC):
    """A tree that any earlier size can be proven of: roots and proofs out of the hashes of complete subtrees."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def complete(self, height: int, index: int) -> bytes:
        """The hash of a complete subtree of 2^height entries, the `index`-th of its height from the left."""

    def root(self, size: int | None = None) -> bytes:
        """MTH of the first `size` entries, of all without it. Raises ValueError for more than there are."""
        size = self._size(size)
        return self._hash(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """PATH(index, D[size]), from the leaf upwards. Raises ValueError for an entry that is not among them."""
        size = self._size(size)
        if not 0 <= index < size:
            raise ValueError(f"there is no entry {index} among {size}")
        path, start, end = [], 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._hash(middle, end))
                end = middle
            else:
                path.append(self._hash(start, middle))
                start = middle
        return path[::-1]

    def consistency_proof(self, first: int, second: int | None = None) -> list[bytes]:
        """PROOF(first, D[second]). Raises ValueError unless 0 < first <= second."""
        second = self._size(second)
        if not 0 < first <= second:
            raise ValueError(f"a tree of {first} entries is no earlier one of {second}")
        proof, start, end = [], 0, second
        while first != end:  # the subtree from `start` to `end` reaches beyond the earlier tree
            middle = start + _split(end - start)
            if first <= middle:
                proof.append(self._hash(middle, end))
                end = middle
            else:
                proof.append(self._hash(start, middle))
                start = middle
        if start:  # else it is the earlier tree itself, whose root the verifier has
            proof.append(self._hash(start, end))
        return proof[::-1]

    def _size(self, size: int | None) -> int:
        if size is None:
            return len(self)
        if not 0 <= size <= len(self):
            raise ValueError(f"the tree has {len(self)} entries, not {size}")
        return size

    def _hash(self, start: int, end: int) -> bytes:
        """MTH of the entries from `start` to before `end`, a subtree as the RFC splits them."""
        width = end - start
        if width & (width - 1) == 0:
            height = width.bit_length() - 1
            return self.complete(height, start >> height)
        middle = start + _split(width)
        return node_hash(self._hash(start, middle), self._hash(middle, end))


class MerkleTree(Tree):
    """Grows at its right edge alone. Holds the hashes of its complete subtrees in memory, twice 32 bytes an entry, so
    that a root or a proof takes a few dozen hashes whatever the size."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """`leaves` are leaf hashes."""
        self._levels: list[list[bytes]] = [[]]  # by height: the complete subtrees from the left
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Adds an entry by its leaf hash. Raises ValueError for what is no SHA-256 hash."""
        if len(leaf) != _LENGTH:
            raise ValueError(f"a leaf hash has {_LENGTH} bytes, not {len(leaf)}")
        height, node = 0, leaf
        while True:
            level = self._levels[height]
            level.append(node)
            if len(level) % 2:
                return
            node = node_hash(level[-2], node)
            height += 1
            if height == len(self._levels):
                self._levels.append([])

    def complete(self, height: int, index: int) -> bytes:
        return self._levels[height][index]


def _split(width: int) -> int:
    """The largest power of two below `width`: how many entries go to the left."""
    return 1 << (width - 1).bit_length() - 1


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that the entry with this leaf hash is number `index` of the `size` entries under `root`.

    From the leaf upwards, each bit of `index` says on which side the other half lies, until the paths to this entry
    and to the last one have met; above that, every other half lies on the left.
    """
    if not 0 <= index < size or len(leaf) != _LENGTH:
        return False
    apart = (index ^ (size - 1)).bit_length()
    if len(proof) != apart + (index >> apart).bit_count():
        return False
    node, hashed = leaf, sha256
    for sibling in proof[:apart]:
        if len(sibling) != _LENGTH:
            return False
        node = hashed(_NODE + sibling + node if index & 1 else _NODE + node + sibling).digest()
        index >>= 1
    for sibling in proof[apart:]:
        if len(sibling) != _LENGTH:
            return False
        node = hashed(_NODE + sibling + node).digest()
    return node == root


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree of `first` entries is the beginning of that of `second` entries.

    Everything begins with nothing, so from an empty tree on there is nothing to show: of it, the proof is refused.
    """
    if not 0 < first <= second or any(len(node) != _LENGTH for node in proof):
        return False
    if first == second:
        return not proof and first_root == second_root
    whole = (first & -first).bit_length() - 1  # height of the last complete subtree of the earlier tree
    index, last = (first - 1) >> whole, (second - 1) >> whole
    nodes = list(proof)
    if index == 0:  # the earlier tree is complete: its root stands for it
        nodes.insert(0, first_root)
    apart = (index ^ last).bit_length()
    if len(nodes) != 1 + apart + (index >> apart).bit_count():
        return False
    earlier = later = nodes[0]
    for sibling in nodes[1 : 1 + apart]:
        if index & 1:
            earlier, later = node_hash(sibling, earlier), node_hash(sibling, later)
        else:
            later = node_hash(later, sibling)
        index >>= 1
    for sibling in nodes[1 + apart :]:
        earlier, later = node_hash(sibling, earlier), node_hash(sibling, later)
    return earlier == first_root and later == second_root
