// SPDX-License-Identifier: Apache-2.0
// How deliveries are made: the settings of an endpoint beside where it is and what it wants.
#include "api/schemas.h"

namespace headrace::api {

std::string delivery_members() {
  return R"(
      "in_flight_max": {"type": ["integer", "null"], "minimum": 1, "maximum": 1024, "description": "Attempts under way at a time. Default 64."},
      "adaptive": {"type": ["boolean", "null"], "description": "As many of these as the endpoint keeps up with. Default false."},
      "rate_limit": {"$ref": "#/components/schemas/RateLimit"},
      "order": {"type": ["string", "null"], "enum": ["none", "strict", "by_key", null], "description": "none (default): many at a time; strict: one at a time, in order of arrival; by_key: likewise those with the same text at order_by, others many at a time."},
      "order_by": {"type": ["string", "null"], "maxLength": 1024, "description": "Of by_key: a selector, $Event{customer.id}, $Header{X-Customer} or $Query{customer}. Messages without a scalar there are in no order."},
      "head_of_line": {"type": ["string", "null"], "enum": ["block", "skip", null], "description": "Of strict and by_key: whether those behind a delivery that is tried again wait (block, default) or go on."},
      "retry_share_percent": {"type": ["integer", "null"], "minimum": 1, "maximum": 99, "description": "Of the turns while both retries and fresh deliveries wait, those of retries. Default 50."},
      "retry": {"$ref": "#/components/schemas/RetryPolicy"},
      "retry_on": {"description": "Answers that are tried again.", "$ref": "#/components/schemas/Statuses"},
      "final_on": {"description": "Answers that end a delivery at once.", "$ref": "#/components/schemas/Statuses"},
      "retry_after_max": {"description": "A longer Retry-After is cut. Default 24h, at most 7d.", "$ref": "#/components/schemas/DurationOrNull"},
      "breaker": {"$ref": "#/components/schemas/Breaker"},
      "connect_timeout": {"description": "Of name, connection and TLS handshake together. Default 5s, at most 10m.", "$ref": "#/components/schemas/DurationOrNull"},
      "attempt_timeout": {"description": "From the beginning to the end of the answer. Default 15s, at most 10m.", "$ref": "#/components/schemas/DurationOrNull"},
      "disable_after": {"description": "After so long of nothing but failures it is disabled. Default 5d; null: never.", "$ref": "#/components/schemas/DurationOrNull"})";
}

std::string delivery_names() {
  return R"("in_flight_max", "adaptive", "rate_limit", "order", "order_by", "head_of_line", "retry_share_percent", "retry", "retry_on", "final_on",
                 "retry_after_max", "breaker", "connect_timeout", "attempt_timeout", "disable_after")";
}

void add_delivery_schemas(std::vector<Component>& to) {
  to.push_back({"DurationOrNull", R"({
    "type": ["string", "integer", "null"], "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$", "minimum": 0, "maximum": 4294967295,
    "description": "As Duration; null: the default, unless it is said otherwise.",
    "examples": ["5s", 120]})"});
  to.push_back({"Statuses", R"({
    "type": ["array", "null"], "maxItems": 304,
    "description": "Statuses (404) and classes of them (4xx) that are tried again (retry_on) or end a delivery at once (final_on). Null: none. A status outranks its class; by default all from 300 on are tried again, but 410.",
    "items": {"type": "string", "maxLength": 3, "pattern": "^[345]([0-9][0-9]|xx)$"}})"});
  to.push_back({"RetryPolicy", R"({
    "type": ["object", "null"], "additionalProperties": false,
    "description": "A schedule, or base, factor, cap and count: min(base * factor^n, cap) before retry n. Null: the usual schedule, 5s, 30s, 2m, 10m, 30m, 2h, 5h, 10h, 10h.",
    "properties": {
      "schedule": {"type": "array", "maxItems": 100, "description": "The delay before each retry, at most 7d; empty: no retry.", "items": {"$ref": "#/components/schemas/Duration"}},
      "base": {"description": "Default 5s.", "$ref": "#/components/schemas/Duration"},
      "factor": {"type": "number", "minimum": 1, "maximum": 100, "description": "Default 2."},
      "cap": {"description": "At most 7d. Default 10h.", "$ref": "#/components/schemas/Duration"},
      "count": {"type": "integer", "minimum": 0, "maximum": 100, "description": "Default 10."},
      "jitter_percent": {"type": "integer", "minimum": 0, "maximum": 100, "description": "Each delay varies by as much, either way. Default 20."}}})"});
  to.push_back({"Breaker", R"({
    "type": ["object", "null"], "additionalProperties": false,
    "description": "When an endpoint that fails at nearly everything is left alone for a while. What is not given is as by default, so {} is the usual breaker. Null: none.",
    "properties": {
      "window": {"description": "Default 60s.", "$ref": "#/components/schemas/Duration"},
      "count_min": {"type": "integer", "minimum": 1, "maximum": 1000000, "description": "Attempts within the window, below which nothing is concluded. Default 20."},
      "threshold": {"type": "number", "minimum": 0, "maximum": 1, "description": "The share of failures that opens it. Default 0.9."},
      "open_for": {"description": "Default 30s; doubled each time.", "$ref": "#/components/schemas/Duration"},
      "open_for_max": {"description": "Default 10m, at most 24h.", "$ref": "#/components/schemas/Duration"},
      "probes": {"type": "integer", "minimum": 1, "maximum": 1024, "description": "Attempts at a time once open_for is over. Default 1."}}})"});
  to.push_back({"RateLimit", R"({
    "type": ["object", "null"], "additionalProperties": false, "required": ["per_second"],
    "description": "In any span of t seconds at most burst + per_second * t attempts begin. Null (default): as fast as it goes.",
    "properties": {
      "per_second": {"type": "number", "minimum": 0, "maximum": 1000000, "description": "At least one a day."},
      "burst": {"type": "integer", "minimum": 1, "maximum": 1000000, "description": "Default 1."}}})"});
  to.push_back({"EndpointState", R"({
    "type": "string", "enum": ["active", "paused", "draining", "disabled"],
    "description": "active: takes and delivers; paused: takes, and holds what waits; draining: takes nothing new, delivers what waits; disabled: takes nothing new, and holds what waits."})"});
  to.push_back({"Discarded", R"({
    "type": "object", "additionalProperties": false, "required": ["discarded"],
    "properties": {"discarded": {"type": "integer", "description": "Deliveries that waited and are dead now."}}})"});
}

}  // namespace headrace::api
