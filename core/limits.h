// SPDX-License-Identifier: Apache-2.0
// Every bound of the engine, and the sums that relate them, checked at compile time.
//
// A queue, buffer, lane or cache that is not bounded by a name from here is a bug.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace headrace::core::limits {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;

// HTTP.
inline constexpr std::size_t kHeadBytesMax = 32 * kKiB;  // request line + header section
inline constexpr std::size_t kHeaderCountMax = 128;
inline constexpr std::size_t kTargetBytesMax = 8 * kKiB;
inline constexpr std::size_t kBodyBytesMaxDefault = 1 * kMiB;
inline constexpr std::size_t kBodyBytesMax = 64 * kMiB;  // what a webhook may raise its limit to
inline constexpr std::size_t kReceiveBufferBytes = 16 * kKiB;  // holds a usual request whole
inline constexpr std::size_t kPipelineDepthMax = 16;           // unanswered requests a connection
inline constexpr std::size_t kConnectionsPerLoopMax = 16 * kKiB;
inline constexpr std::size_t kChunkHeaderBytesMax = 256;  // size digits and extensions of one chunk
inline constexpr std::size_t kResponseHeadBytesMax = 64 * kKiB;
inline constexpr std::size_t kResponseBodyBytesKept = 16 * kKiB;
inline constexpr std::size_t kResponseBodyBytesRead =
    1 * kMiB;  // beyond it the connection is closed
inline constexpr std::chrono::seconds kHeadTimeout{10};
inline constexpr std::chrono::seconds kBodyTimeout{30};
inline constexpr std::chrono::seconds kIdleTimeout{75};
// A body must have come at this rate once its grace is over; an answer must go at it.
inline constexpr std::uint64_t kBodyRateMin = 1 * kKiB;  // bytes a second
inline constexpr std::chrono::seconds kBodyGrace{5};
inline constexpr std::chrono::seconds kWriteGrace{15};
inline constexpr std::uint64_t kRequestsPerConnectionMax = 100'000;
inline constexpr std::size_t kProxyHeaderBytesMax = 4 * kKiB;   // of the PROXY protocol, with TLVs
inline constexpr std::size_t kCiphertextBytesRead = 64 * kKiB;  // of TLS, at once
// Of what many clients can cause at once, so much is done before others have their turn.
inline constexpr std::size_t kAcceptsPerTurnMax = 16;
inline constexpr std::size_t kTimeoutsPerMsMax = 4;
inline constexpr std::size_t kSpareConnectionsMax = 64;     // kept for the next clients
inline constexpr std::size_t kTrimAfterConnections = 1024;  // that many gone: memory is given back
// How long a request may be under way before its connection is one to close when room is needed.
inline constexpr std::chrono::seconds kUnderWayGrace{2};
inline constexpr std::chrono::milliseconds kAcceptPause{100};  // when there is no descriptor
inline constexpr std::chrono::seconds kWarningInterval{10};    // between equal warnings
// What a compressed body may become to be looked into, besides the webhook's limit of bytes.
inline constexpr std::size_t kInflateRatioMax = 256;
inline constexpr std::size_t kInflateBytesAlways = 64 * kKiB;  // whatever the ratio

// JSON and selectors.
inline constexpr std::size_t kJsonDepthMax = 1024;
inline constexpr std::size_t kSelectorBytesMax = 1024;
inline constexpr std::size_t kSelectorSegmentsMax = 32;
inline constexpr std::size_t kEventsPerWebhookMax = 64 * kKiB;
inline constexpr std::size_t kTargetsPerMessageMax = 16 * kKiB;
inline constexpr std::size_t kFilterBytesMax = 16 * kKiB;
inline constexpr std::size_t kFilterConditionsMax = 256;
inline constexpr std::size_t kFilterDepthMax = 16;      // filters in and, or, not
inline constexpr std::size_t kFilterOperandsMax = 256;  // of one `in` or `nin`
inline constexpr std::size_t kFiltersPerWebhookMax = 64 * kKiB;

// The way of a message.
inline constexpr std::size_t kIntakesPerLoopMax = 4 * kKiB;  // given to the store, not yet answered
inline constexpr std::size_t kIngestLoopsMax = 16;
inline constexpr std::size_t kShardsMax = 16;
inline constexpr std::size_t kIntakeQueueMax = 8 * kKiB;  // over all loops; full: 503
inline constexpr std::size_t kDeliveriesInMemoryMax =
    16 * kKiB;  // over all shards; the rest waits in the store
inline constexpr std::size_t kDeliveryBytesInMemoryMax = 72 * kMiB;  // their payloads' buffers
inline constexpr std::size_t kLaneWindowMax = 1024;  // deliveries of one endpoint in memory
inline constexpr std::size_t kLaneWindowBytesMax =
    16 * kMiB;  // and their buffers; one is always allowed
inline constexpr std::size_t kLaneInFlightDefault = 64;
inline constexpr std::size_t kLaneInFlightMax = 1024;
inline constexpr std::size_t kBlockedKeysMax =
    1024;  // of a lane in order by key; beyond it the whole lane is held
inline constexpr std::size_t kGroupIntakesMax = 256;  // one pwritev, one fdatasync
inline constexpr std::size_t kGroupOutcomesMax = 1024;
inline constexpr std::uint64_t kOutcomesWaitMs = 2;  // for a group to be worth its costs
inline constexpr std::size_t kGroupBytesMax = 8 * kMiB;
inline constexpr std::size_t kGroupReopeningsMax = 256;         // deliveries opened again
inline constexpr std::size_t kReopeningsQueuedMax = 16 * kKiB;  // asked for, not yet in a group
inline constexpr std::size_t kDiscardStepMax = 512;  // waiting deliveries given up in a group
inline constexpr std::size_t kPendingLoadMax = 256;  // deliveries read back at once
inline constexpr std::size_t kPendingLoadBytesMax = 4 * kMiB;
inline constexpr std::size_t kBufferBytesMaxDefault =
    96 * kMiB;  // receive buffers of one loop, in flight and cached

// What people register.
inline constexpr std::size_t kPartsBytesMax = 64 * kKiB;    // `auth` and `sample` of an env
inline constexpr std::size_t kSampleBytesMax = 256 * kKiB;  // of an event
inline constexpr std::size_t kTextBytesMax = 4 * kKiB;      // a name or description
inline constexpr std::size_t kEnvsPerWebhookMax = 64;
inline constexpr std::size_t kKeysPerWorkspaceMax = 1000;
inline constexpr std::size_t kPageItemsMax = 1000;
inline constexpr std::size_t kLinksPerQueryMax = 4 * kKiB;      // whose messages one list merges
inline constexpr std::size_t kEndpointsPerQueryMax = 4 * kKiB;  // whose dead letters merge
// What one call for a page of what happened may cost; beyond it the page is short.
inline constexpr std::size_t kHistoryMessagesMax = 2 * kKiB;  // looked at, wanted or not
inline constexpr std::size_t kHistoryReadsMax = 2 * kKiB;     // of receivers and of attempts

// The audit log.
inline constexpr std::uint64_t kAuditEntriesMax = 1'000'000;       // of a workspace
inline constexpr std::uint64_t kAuditEntriesInMemoryMax = 10'000;  // of one that is not on a disk
inline constexpr std::size_t kAuditLookedAtMax = 8 * kKiB;         // for a page, wanted or not

// Jobs over what is on record.
inline constexpr std::size_t kJobsUnderWayMax = 16;    // of a workspace, paused ones too
inline constexpr std::size_t kJobsKeptMax = 200;       // of a workspace, once they are over
inline constexpr std::size_t kJobCountPageMax = 1000;  // looked for at once while counting
inline constexpr std::size_t kJobPageMax = 256;        // while doing, until the cursor moves
inline constexpr std::size_t kJobBodiesPageMax = 32;   // where each body is looked into
inline constexpr std::uint32_t kJobPerSecondMax = 1'000'000;

// Disk.
inline constexpr std::uint64_t kSegmentBytes = 256 * kMiB;
// Kept free on the disk: what deliveries, compactions and a checkpoint may need while no message is
// taken.
inline constexpr std::uint64_t kDiskReserveBytes = 1024 * kMiB;
inline constexpr std::uint64_t kReplayBytesMax = 256 * kMiB;  // log behind the applied position
inline constexpr std::size_t kDedupeKeyBytesMax = 256;

// A delivery in memory makes exactly one outcome, so a mailbox of this size never refuses one.
inline constexpr std::size_t kDeliveryMailboxSize = kDeliveriesInMemoryMax;
inline constexpr std::size_t kOutcomeMailboxSize = kDeliveriesInMemoryMax;
// A loop never has more unanswered intakes than its answers' mailbox can hold.
inline constexpr std::size_t kAnswerMailboxSize = kIntakesPerLoopMax;

static_assert(kLaneWindowMax >= kLaneInFlightMax,
              "a lane can fill its in-flight cap from its window");
static_assert(kDeliveriesInMemoryMax >= 8 * kLaneWindowMax,
              "a few full lanes leave room for the others");
static_assert(kGroupBytesMax < kSegmentBytes / 8, "a group fits a segment several times");
static_assert(kBodyBytesMax + kHeadBytesMax + kMiB < kSegmentBytes,
              "the largest message fits one segment");
static_assert(kProxyHeaderBytesMax <= kReceiveBufferBytes, "a greeting fits the first buffer");
static_assert(kReceiveBufferBytes <= kHeadBytesMax,
              "a head may outgrow the first buffer, never the limit");
static_assert(kPendingLoadMax <= kLaneWindowMax / 2, "a refill fits the drained half of a window");
static_assert(kBufferBytesMaxDefault > kBodyBytesMax, "the largest body can be received");
static_assert(kDeliveryBytesInMemoryMax < kBufferBytesMaxDefault,
              "deliveries leave room to receive");
static_assert(kPendingLoadBytesMax < kBufferBytesMaxDefault / 8, "a refill fits its pool");

}  // namespace headrace::core::limits
