// SPDX-License-Identifier: Apache-2.0
#include "core/buffer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "core/limits.h"

namespace headrace::core {
namespace {

TEST(BufferPoolTest, HandsOutWhatWasAskedForAndPadding) {
  BufferPool pool(limits::kMiB);
  for (const std::size_t bytes : {1u, 1024u, 1025u, 70'000u}) {
    const BufferRef buffer = pool.acquire(bytes);
    ASSERT_TRUE(buffer);
    EXPECT_GE(buffer.capacity(), bytes);
    std::memset(buffer.data(), 0, buffer.capacity() + BufferPool::kPadding);
  }
  EXPECT_EQ(pool.bytes_used(), 0u);
}

TEST(BufferPoolTest, RefusesBeyondItsBoundAndServesAgainWhenBytesComeBack) {
  BufferPool pool(64 * limits::kKiB);
  std::vector<BufferRef> held;
  while (BufferRef buffer = pool.acquire(4096)) held.push_back(std::move(buffer));
  EXPECT_EQ(held.size(), 16u);
  EXPECT_EQ(pool.bytes_used(), pool.bytes_max());
  EXPECT_FALSE(pool.acquire(1));
  held.pop_back();
  EXPECT_TRUE(pool.acquire(4096));
  EXPECT_FALSE(pool.acquire(2 * pool.bytes_max()));
}

TEST(BufferPoolTest, LastReferenceGivesTheBufferBack) {
  BufferPool pool(limits::kMiB);
  BufferRef first = pool.acquire(1024);
  const char* const bytes = first.data();
  BufferRef second = first;
  first.reset();
  EXPECT_EQ(pool.bytes_used(), 1024u);
  BufferRef third = std::move(second);
  EXPECT_FALSE(second);  // NOLINT: the moved-from state is part of the contract
  third = BufferRef{};
  EXPECT_EQ(pool.bytes_used(), 0u);
  EXPECT_EQ(pool.acquire(1024).data(), bytes);
}

TEST(BufferPoolTest, ShrinkingFreesWhatIsKeptAndNothingElse) {
  BufferPool pool(4 << 20);
  BufferRef held = pool.acquire(1000);
  BufferRef first = pool.acquire(1000), second = pool.acquire(100'000);
  const std::size_t given_back = first.capacity() + second.capacity();
  first.reset();
  second.reset();
  EXPECT_EQ(pool.bytes_cached(), given_back);
  first = pool.acquire(1000);  // the rest of its chain is the owner's now
  first.reset();
  pool.shrink();
  EXPECT_EQ(pool.bytes_cached(), 0u);
  EXPECT_EQ(pool.bytes_used(), held.capacity());
  EXPECT_TRUE(pool.acquire(1000));
}

TEST(BufferPoolTest, ReferencesAreDroppedOnAnyThreadWhileTheOwnerAcquires) {
  constexpr int kRounds = 2000;
  constexpr int kThreads = 3;
  BufferPool pool(8 * limits::kMiB);
  for (int round = 0; round < kRounds / 100; ++round) {
    std::vector<BufferRef> shared;
    for (int i = 0; i < 100; ++i) shared.push_back(pool.acquire(1024));
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([copy = shared]() mutable {
        for (BufferRef& buffer : copy) buffer.reset();
      });
    }
    for (BufferRef& buffer : shared) {
      buffer.reset();
      pool.acquire(1024);
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(pool.bytes_used(), 0u);
}

TEST(RangeTest, SurvivesItsBytesBeingMoved) {
  const Range range{2, 3};
  EXPECT_EQ(range.in("..abc."), "abc");
  EXPECT_EQ((Range{}.in(BufferRef{})), "");
}

}  // namespace
}  // namespace headrace::core
