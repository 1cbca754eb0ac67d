/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepares a guest's nodes for tests that are scripts, and says where they are: as shell variables,
 * on stdout. A partition on namespace 1 of SOLO; nodes that everybody may open, for reading only.
 */
#include <stdio.h>

#include "nvme.h"

int main(void)
{
	char node[64];

	find_ctrl("SOLO", 0, node);
	(void)printf("CTRL=%s\n", node);
	if (!find_node("SOLO", 1, NODE_BLOCK, node))
		die("setup: namespace 1 has no block node");
	(void)printf("BLOCK=%s\n", node);
	(void)printf("BLOCKS='%s", node);
	add_partition(node);
	for (unsigned nsid = 2; nsid <= 3; nsid++)
		if (find_node("SOLO", nsid, NODE_BLOCK, node))
			(void)printf(" %s", node);
	(void)printf("'\n");
	if (!find_node("SOLO", 1, NODE_CHAR, node))
		die("setup: namespace 1 has no character node");
	open_to_all(node, false);
	(void)printf("CHAR=%s\n", node);
	if (!find_node("SOLO", 1, NODE_PART, node))
		die("setup: no partition");
	open_to_all(node, false);
	(void)printf("PART=%s\n", node);
	return 0;
}
