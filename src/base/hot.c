#include "base/hot.h"

const char hot_data[1] = "";

void hot_text(void)
{
}
