"""What stands behind `samloom`: options, running, and how results and mistakes are told."""
