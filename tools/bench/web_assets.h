// SPDX-License-Identifier: Apache-2.0
// Files of tools/bench/web, built into the program by its embed.cmake.
#pragma once

#include <string_view>

namespace headrace::bench_tools::web {

extern const std::string_view kUplotScript;   // vendored/uplot/uPlot.iife.min.js
extern const std::string_view kUplotStyle;    // vendored/uplot/uPlot.min.css
extern const std::string_view kUplotLicence;  // vendored/uplot/LICENSE
extern const std::string_view kReportScript;  // report.js
extern const std::string_view kReportStyle;   // report.css
extern const std::string_view kResultSchema;  // result.schema.json

}  // namespace headrace::bench_tools::web
