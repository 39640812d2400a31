"""Cost as size grows: runs of one scenario at several sizes side by side, and how each figure grows."""

from reports.growth.grown import Growth, SizesError, growth

__all__ = ["Growth", "SizesError", "growth"]
