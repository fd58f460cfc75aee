"""How the bundled text → boxes detector was made: vocabulary, pretraining, training, measurement, export."""
