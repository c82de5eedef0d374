"""Every plot of the book: functions take results and axes and return axes; none of them trains."""
