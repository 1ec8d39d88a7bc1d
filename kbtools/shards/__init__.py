"""Training examples: documents, trees and knowledge bases as what a model reads, in an order drawn by lot."""
