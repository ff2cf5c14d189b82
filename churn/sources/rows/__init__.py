"""From a table of an input to rows of the contract: columns read as what they are used for, the unusable set aside."""
