// SPDX-License-Identifier: Apache-2.0
// Fixed-width integers as bytes: little-endian in the message log, big-endian in keys, so that keys
// sort.
//
// Pure. Requires of every cursor: the caller checked that there is room.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "headrace/id.h"

namespace headrace::store {

template <std::unsigned_integral T>
constexpr T in_order(T value, std::endian order) noexcept {
  if (order == std::endian::native || sizeof(T) == 1) return value;
  T swapped = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {  // compiles to one instruction
    swapped = static_cast<T>((swapped << (sizeof(T) > 1 ? 8 : 0)) | (value & 0xff));
    value = static_cast<T>(value >> (sizeof(T) > 1 ? 8 : 0));
  }
  return swapped;
}

template <std::endian Order>
struct ByteWriter {
  char* at;

  template <std::unsigned_integral T>
  void put(T value) noexcept {
    value = in_order(value, Order);
    std::memcpy(at, &value, sizeof value);
    at += sizeof value;
  }
  void put_id(Bits128 bits) noexcept {  // in the order in which ids sort
    put(bits.high);
    put(bits.low);
  }
  void put_bytes(std::string_view bytes) noexcept {
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    at += bytes.size();
  }
};

template <std::endian Order>
struct ByteReader {
  const char* at;

  template <std::unsigned_integral T>
  T get() noexcept {
    T value;
    std::memcpy(&value, at, sizeof value);
    at += sizeof value;
    return in_order(value, Order);
  }
  Bits128 get_id() noexcept {
    const auto high = get<std::uint64_t>();
    return Bits128{high, get<std::uint64_t>()};
  }
  std::string_view get_bytes(std::size_t size) noexcept {
    const std::string_view bytes{at, size};
    at += size;
    return bytes;
  }
};

using LittleWriter = ByteWriter<std::endian::little>;
using LittleReader = ByteReader<std::endian::little>;
using BigWriter = ByteWriter<std::endian::big>;
using BigReader = ByteReader<std::endian::big>;

}  // namespace headrace::store
