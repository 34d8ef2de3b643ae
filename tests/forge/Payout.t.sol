// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Payout} from "../../contracts/libraries/Payout.sol";
import {Base} from "./Base.sol";

contract PayoutTest is Base {
    struct Input {
        uint64 refund;
        uint64 freight;
        uint64 reserve;
        uint16 share;
        uint16 fee;
        bool freightToConsumer;
        uint256 fees;
        uint256 feesFromConsumer;
    }

    function testFuzz_parts_add_up_to_the_lock(Input memory x) external pure {
        _fit(x);
        (uint64 consumer, uint64 merchant, uint64 panel) = _split(x);
        vm.assertEq(uint256(consumer) + merchant + panel, uint256(x.refund) + x.freight + x.reserve, "the lock");
    }

    function testFuzz_fees_that_are_covered_are_paid_to_the_last_unit(Input memory x) external pure {
        _fit(x);
        x.fees = bound(x.fees, 0, x.reserve);
        (,, uint64 panel) = _split(x);
        vm.assertEq(panel, x.fees, "the panel gets its fees");
    }

    function testFuzz_panel_never_gets_more_than_the_reserve_and_the_consumer_hold(Input memory x) external pure {
        _fit(x);
        (uint64 consumer, uint64 merchant, uint64 panel) = _split(x);
        vm.assertLe(panel, x.fees, "no more than the fees");
        uint256 fees = x.fees;
        x.fees = 0;
        (uint64 without, uint64 restored,) = _split(x);
        uint256 borne = uint256(without) - consumer;
        vm.assertLe(borne, x.feesFromConsumer, "the consumer bears no more than its part of the fees");
        vm.assertLe(borne, fees, "nor more than all of them");
        vm.assertLe(uint256(restored) - merchant, x.reserve, "the merchant bears no more than the reserve");
    }

    function testFuzz_dust_is_the_consumers(Input memory x) external pure {
        _fit(x);
        (x.fee, x.fees, x.freightToConsumer, x.share) = (0, 0, false, x.share % (Payout.FULL + 1));
        (uint64 consumer,,) = _split(x);
        // At least the exact part, and less than one unit more.
        vm.assertLe(uint256(x.refund) * x.share, uint256(consumer) * Payout.FULL, "no less than the share");
        vm.assertLe(uint256(consumer) * Payout.FULL, uint256(x.refund) * x.share + Payout.FULL - 1, "nor a unit more");
    }

    function testFuzz_restocking_never_takes_freight_or_reserve(Input memory x) external pure {
        _fit(x);
        x.fees = 0;
        (uint64 consumer, uint64 merchant,) = _split(x);
        if (x.freightToConsumer) vm.assertLe(x.freight, consumer, "the freight is the consumer's");
        else vm.assertLe(consumer, x.refund, "a consumer without freight gets of the refund alone");
        vm.assertLe(x.reserve, merchant, "what is left of the reserve is the merchant's");
    }

    function testFuzz_greater_share_never_pays_less(Input memory x, uint16 more) external pure {
        _fit(x);
        (uint64 before,,) = _split(x);
        x.share = uint16(bound(more, x.share, type(uint16).max));
        (uint64 consumer,,) = _split(x);
        vm.assertLe(before, consumer, "more share, less money");
    }

    /// Every lock has amounts that together fit 64 bits.
    function _fit(Input memory x) private pure {
        x.freight = uint64(bound(x.freight, 0, type(uint64).max - x.refund));
        x.reserve = uint64(bound(x.reserve, 0, type(uint64).max - x.refund - x.freight));
    }

    function _split(Input memory x) private pure returns (uint64, uint64, uint64) {
        Payout.Held memory held = Payout.Held(x.refund, x.freight, x.reserve);
        return Payout.split(held, x.share, x.fee, x.freightToConsumer, x.fees, x.feesFromConsumer);
    }
}
