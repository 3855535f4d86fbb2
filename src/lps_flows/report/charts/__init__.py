"""Interactive figures of the report, plotly, from documents."""
