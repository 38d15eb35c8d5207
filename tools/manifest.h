// SPDX-License-Identifier: Apache-2.0
// What a file says should be there: definitions by kind, checked for what can be checked without
// the daemon.
//
// The members are those of the API. A registration becomes one resource for each of its envs, as
// each is there or not by itself.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/result.h"
#include "tools/json_value.h"

namespace headrace::tools {

enum class ResourceKind : std::uint8_t { kWebhook, kEvent, kConnection, kEndpoint, kRegistration };

struct Resource {
  ResourceKind kind = ResourceKind::kWebhook;
  Json definition;  // an object; its identity ("app", "tag") is among the members
};

// "webhook github/repo". A registration is the same thing as an endpoint: one place to deliver to.
std::string name_of(const Resource& resource);
// The members by which it is told from others of its kind.
std::span<const std::string_view> identity_of(ResourceKind kind) noexcept;

struct Manifest {
  std::vector<Resource> resources;
  // What the file is in charge of: the apps and products that it names anywhere.
  std::set<std::string, std::less<>> apps;
  std::set<std::string, std::less<>> products;
};

// `name`: the file's. kInvalidArgument: its items say where ("FILE:3:1") and what, all of them.
Result<Manifest> read_manifest(const Json& file, const std::string& name);

}  // namespace headrace::tools
