"""What other frameworks can use of TravelBuddy. Nothing here is imported by the service."""
