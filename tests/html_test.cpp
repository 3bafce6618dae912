#include "reports/html.hpp"

#include <gtest/gtest.h>
