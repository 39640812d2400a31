"""What a network does to datagrams: profiles as data, links as pure queues, and a port that has a profile applied."""
