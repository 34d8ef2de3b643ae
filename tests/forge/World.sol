// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {RegulatedToken} from "../../contracts/mocks/RegulatedToken.sol";
import {TestToken} from "../../contracts/mocks/TestToken.sol";
import {Act, Freight, Opening, Parties, Policy, Terms} from "../../contracts/interfaces/CaseTypes.sol";
import {IArbitrationPanel} from "../../contracts/interfaces/IArbitrationPanel.sol";
import {IRefundEscrow} from "../../contracts/interfaces/IRefundEscrow.sol";
import {IReturnLedger} from "../../contracts/interfaces/IReturnLedger.sol";
import {IReturnLens} from "../../contracts/interfaces/IReturnLens.sol";
import {Base} from "./Base.sol";

interface IMintable {
    function mint(address to, uint256 units) external;
    function approve(address spender, uint256 units) external returns (bool);
    function balanceOf(address account) external view returns (uint256);
}

/// @notice The committed contracts as they are deployed, with merchants, panels, policies and three tokens. This contract
/// is operator, guardian and whoever relays. Everybody else is a key.
abstract contract World is Base {
    uint40 internal constant FAR = type(uint40).max;
    uint16 internal constant FULL = 10_000;
    uint16 internal constant FEE_CAP = 1_500;
    uint16[6] internal LEAST_SHARE = [0, 9_000, 7_000, 5_000, 0, 10_000];
    uint256 internal constant NOTICE = 48; // hours
    uint256 internal constant ARBITRATORS = 11;
    uint32 internal constant MAIN_PANEL = 3; // with fallback 1 and appeal 2
    uint32 internal constant LONE_PANEL = 4; // one arbitrator, nobody behind
    uint256 internal constant BLOCKLISTING = 2; // index of the token that can block accounts

    IReturnLedger public immutable ledger;
    IRefundEscrow public immutable escrow;
    IArbitrationPanel public immutable panel;
    IReturnLens public immutable lens;

    address[] public tokens;
    uint256[] internal units; // token units in one minor unit
    bytes32[] internal policies;
    Parties[] internal parties;
    address[] public merchants;
    address[] public arbitrators;
    mapping(address account => uint256 key) internal keys;

    constructor() {
        _tokens();
        uint256 nonce = vm.getNonce(address(this));
        address ledgerAt = vm.computeCreateAddress(address(this), nonce + 1);
        address panelAt = vm.computeCreateAddress(address(this), nonce + 2);
        IRefundEscrow.Token[] memory list = new IRefundEscrow.Token[](3);
        list[0] = IRefundEscrow.Token(tokens[0], "EUR", 2);
        list[1] = IRefundEscrow.Token(tokens[1], "JPY", 0);
        list[2] = IRefundEscrow.Token(tokens[2], "KWD", 3);
        escrow = IRefundEscrow(_create("RefundEscrow", abi.encode(ledgerAt, list)));
        address self = address(this);
        ledger = IReturnLedger(_create("ReturnLedger", abi.encode(escrow, panelAt, self, self)));
        panel = IArbitrationPanel(_create("ArbitrationPanel", abi.encode(ledger, self)));
        lens = IReturnLens(_create("ReturnLens", abi.encode(ledger, escrow)));
        _panels();
        _policies();
        _parties();
        for (uint256 i = 0; i < tokens.length; ++i) {
            IMintable(tokens[i]).approve(address(escrow), type(uint256).max);
        }
    }

    function newKey(string memory name, uint256 number) internal returns (address account) {
        uint256 key = uint256(keccak256(abi.encode(name, number))) >> 8;
        account = vm.addr(key);
        keys[account] = key;
    }

    function sign(address account, bytes32 digest) internal returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[account], digest);
        return abi.encodePacked(r, s, v);
    }

    function escrowDigest(bytes32 structHash) internal view returns (bytes32) {
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 domain = keccak256(abi.encode(kind, keccak256("RefundEscrow"), keccak256("1"), block.chainid, escrow));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    /// @param salt makes another policy of the same rules
    function makePolicy(Freight freight, uint256 notice, uint256 salt) internal view returns (Policy memory p) {
        for (uint256 state = 1; state <= 12; ++state) {
            p.windows |= (240 + 24 * state) << (16 * state); // hours, another number for each state
        }
        for (uint256 grade = 0; grade < 6; ++grade) {
            p.rules |= uint256(LEAST_SHARE[grade]) << (16 * grade);
        }
        p.rules |= uint256(FEE_CAP) << 96 | uint256(uint8(freight)) << 112 | notice << 120;
        p.document = bytes32(salt);
    }

    function _tokens() private {
        tokens = [
            address(new TestToken("Test EUR", "tEUR", 6)),
            address(new TestToken("Test JPY", "tJPY", 0)),
            address(new RegulatedToken())
        ];
        units = [10_000, 1, 1_000];
    }

    function _panels() private {
        for (uint256 i = 0; i < ARBITRATORS; ++i) {
            arbitrators.push(newKey("arbitrator", i));
        }
        _panel(3, 6, 3, 0, 0, 2_00); // 1, the fallback
        _panel(6, 11, 5, 0, 0, 50); // 2, on appeal
        _panel(0, 3, 3, 2, 1, 1_00); // 3
        _panel(0, 1, 1, 0, 0, 0); // 4
    }

    function _panel(uint256 from, uint256 to, uint8 threshold, uint32 appeal, uint32 fallback_, uint48 fee) private {
        address[] memory seats = new address[](to - from);
        for (uint256 i = from; i < to; ++i) {
            seats[i - from] = arbitrators[i];
        }
        panel.registerPanel(IArbitrationPanel.Panel(seats, threshold, appeal, fallback_, fee));
    }

    function _policies() private {
        policies.push(ledger.registerPolicy(makePolicy(Freight.Consumer, NOTICE, 1)));
        policies.push(ledger.registerPolicy(makePolicy(Freight.Reimbursed, NOTICE, 2)));
        policies.push(ledger.registerPolicy(makePolicy(Freight.Supplied, 0, 3)));
    }

    /// A merchant with an independent inspector, one that does everything itself, and one in between.
    function _parties() private {
        address alone = newKey("merchant", 1);
        merchants = [newKey("merchant", 0), alone, newKey("merchant", 2)];
        address inspector = newKey("inspector", 0);
        ledger.registerInspector(inspector, true);
        parties.push(Parties(merchants[0], newKey("carrier", 0), newKey("warehouse", 0), inspector));
        parties.push(Parties(alone, alone, alone, alone));
        parties.push(Parties(merchants[2], newKey("carrier", 0), merchants[2], newKey("inspector", 1)));
        for (uint256 i = 0; i < parties.length; ++i) {
            ledger.registerParties(parties[i]);
        }
    }

    function _create(string memory name, bytes memory arguments) private returns (address made) {
        string memory path = string.concat("ledger_service/chain/artifacts/", name, ".json");
        bytes memory code = bytes.concat(vm.parseJsonBytes(vm.readFile(path), ".bytecode"), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0), name);
    }
}
