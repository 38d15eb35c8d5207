// SPDX-License-Identifier: Apache-2.0
// Entries of the audit log as the API shows them.
#pragma once

#include "api/json_writer.h"
#include "headrace/audit.h"

namespace headrace::api {

void write(JsonWriter& json, const AuditEntry& entry);

}  // namespace headrace::api
