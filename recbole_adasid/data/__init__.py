"""What is known of users and items: interactions, histories, windows, item tables, and files of them."""
