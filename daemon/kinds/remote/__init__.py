"""Speech by engines that are elsewhere: a speak job of the CPU lane, which holds no GPU and makes nothing give way."""
