"""Why a sentence has the branches it has: the tree drawn, and what was considered, as data and as a page."""
