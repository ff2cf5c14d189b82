"""Why one customer's score is what it is: how far each feature moves it from the average customer's, and in words."""
