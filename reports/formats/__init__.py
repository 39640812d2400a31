"""What a report is written as, beside the page and ``summary.json``: Markdown, CSV, JUnit XML and a workbook."""
