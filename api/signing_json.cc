// SPDX-License-Identifier: Apache-2.0
#include "api/signing_json.h"

#include <array>
#include <utility>

#include "api/times.h"

namespace headrace::api {
namespace {

constexpr std::array<std::pair<SigningScheme, std::string_view>, 5> kSchemes = {
    {{SigningScheme::kV1, "v1"},
     {SigningScheme::kV1a, "v1a"},
     {SigningScheme::kGithub, "github"},
     {SigningScheme::kStripe, "stripe"},
     {SigningScheme::kNone, "none"}}};

std::string_view name_of(SigningScheme scheme) noexcept {
  for (const auto& [one, name] : kSchemes) {
    if (one == scheme) return name;
  }
  return "none";
}

void write_members(JsonWriter& json, const Signing& signing) {
  json.member("scheme", name_of(signing.scheme)).member_or_null("header", signing.header);
  json.member_or_null("previous_until",
                      signing.previous_until ? time_text(*signing.previous_until) : std::string());
}

}  // namespace

SigningPatch signing_patch(const Json& object) {
  SigningPatch patch;
  const auto it = object.find("signing");
  if (it == object.end()) return patch;
  if (it->is_null()) {
    patch.scheme = SigningScheme::kV1;
    return patch;
  }
  const std::string name = text_member(*it, "scheme");
  for (const auto& [scheme, known] : kSchemes) {
    if (known == name) patch.scheme = scheme;
  }
  if (it->contains("header")) patch.header = text_member(*it, "header");
  if (std::string secret = text_member(*it, "secret"); !secret.empty())
    patch.secret = std::move(secret);
  return patch;
}

SigningRotation signing_rotation(const JsonBody& body, Faults& faults) {
  SigningRotation rotation;
  rotation.grace = grace_of(body, faults);
  if (std::string secret = text_member(body.json(), "secret"); !secret.empty())
    rotation.secret = std::move(secret);
  return rotation;
}

void write(JsonWriter& json, const Signing& signing) {
  json.begin_object();
  write_members(json, signing);
  json.end_object();
}

void write(JsonWriter& json, const SigningSecret& secret) {
  json.begin_object();
  write_members(json, secret.signing);
  json.member("secret", secret.secret).member("revision", secret.revision).end_object();
}

void write(JsonWriter& json, const SecretInfo& secret) {
  json.begin_object();
  json.member("name", secret.name).member("created_at", time_text(secret.created_at));
  json.member("updated_at", time_text(secret.updated_at));
  json.member("revision", secret.revision).end_object();
}

}  // namespace headrace::api
