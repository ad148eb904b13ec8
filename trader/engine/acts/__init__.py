"""What is done as a whole: the operator's verbs, liquidation, the way down."""
