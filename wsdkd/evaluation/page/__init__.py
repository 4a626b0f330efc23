"""The report as a page, reports/report.html: what an evaluation found, to be looked at."""
